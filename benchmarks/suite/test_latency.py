"""How long a user waits."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import nats.errors

from benchmarks import echo
from benchmarks.extent import Extent
from benchmarks.history import prepare
from benchmarks.load import open_loop
from benchmarks.outcome import Outcome
from benchmarks.pipeline import Act, Pipeline, Way
from benchmarks.rows import Bound
from benchmarks.stage import Stage
from benchmarks.suite import Progress
from benchmarks.suite.ways import judge, started
from rosey_core import subjects

LINES_PER_S = 100.0
IN_FLIGHT = 50
COMMANDS_PER_S = 15.0
"""A room is asked each 3.3 s then: CyTube's limit on messages, which the bot keeps, has no part in an answer's time."""
REQUESTS_PER_S = 50.0


class TestLatencyBenchmarks:
    async def test_single_event_latency(self, extent: Extent, outcome: Outcome, progress: Progress) -> None:
        """One event at a time: from the moment a line is due to be said at CyTube until its row is committed.

        **The way:** the simulated site sends the frame over a socket to `rosey-bot`, a process, which publishes an
        event to nats-server, a process, from which `rosey-database`, a process, reads and commits it.

        **Why a user feels it:** it is how old the statistics are, and how soon a second service can react to a line.

        **Samples:** 100 lines a second in 50 channels, open loop, 1.5 s a round, 3 rounds; a second of warm-up for
        each way, left out. Rosey, the direct writer, fire and forget and the bound take turns in each round.

        **It would lie** if lateness of the generator were left out (it is counted: latency begins when a line is due),
        if rows were counted as soon as they are written (they are from COMMIT on), or if only what arrived were looked
        at (what is missing fails the benchmark). It says nothing of the Internet between CyTube and a bot.
        """
        ways = (Way.ROSEY, Way.DIRECT, Way.ORIGINAL, Way.RECEIPT)
        acts: dict[Way, list[Act]] = {way: [] for way in ways}
        async with AsyncExitStack() as stack:
            pipelines = await started(stack, ways, progress)
            for pipeline in pipelines:
                await pipeline.say(round(LINES_PER_S), LINES_PER_S)
            for number in range(extent.rounds):
                progress(f"round {number + 1} of {extent.rounds}")
                for pipeline in pipelines:
                    acts[pipeline.way].append(await pipeline.say(round(LINES_PER_S * extent.seconds), LINES_PER_S))
            for pipeline in pipelines:
                arrivals = await pipeline.arrivals()
                judge(outcome, pipeline, arrivals)
                rounds = [arrivals.latencies(act) for act in acts[pipeline.way]]
                if pipeline.way is Way.ROSEY:
                    required = {"mean": Bound("<", 5), "p95": Bound("<", 10)}
                    outcome.latency("frame to row", rounds, required=required, show=("median", "p99"))
                else:
                    outcome.latency(f"frame to row, {pipeline.way.value}", rounds)

    async def test_request_reply_latency(
        self, extent: Extent, outcome: Outcome, progress: Progress, tmp_path: Path
    ) -> None:
        """Two questions: a request over NATS until its reply, and a private message until the whole answer.

        **The way:** `channel_stats` is asked of `rosey-database` by the harness over nats-server. The private message
        `stats` is sent by a moderator in the simulated room, reaches `rosey-bot` over its socket, is put to the
        database by request, and is answered in four private messages; the last one ends the time.

        **Why a user feels it:** it is the time between asking the bot and reading its answer.

        **Samples:** 50 requests and 15 commands a second, open loop, 3.5 s a round, 3 rounds, while 100 lines a second
        are said and stored; the database holds 100,000 lines and 5,000 users. The first round's first second warms up.
        The bound is a reply of a process that does nothing else, asked in turns with the others.

        **It would lie** with an empty database, with nobody writing, or if rooms were asked so often that CyTube's own
        limit on messages (8 a second after a burst) were what is measured: each is asked every 3.3 s.
        """
        database = await prepare(tmp_path, lines=extent.history)
        asked: list[list[float]] = []
        echoed: list[list[float]] = []
        answered: list[list[float]] = []
        async with Pipeline(database=database) as pipeline:
            stage = pipeline.stage
            echoes = await stage.program("echo")
            await echoes.report()
            commands = round(COMMANDS_PER_S * extent.requests)
            requests = round(REQUESTS_PER_S * extent.requests)
            await _ask(stage, round(REQUESTS_PER_S), subjects.QUERY_CHANNEL_STATS)
            for number in range(extent.rounds):
                progress(f"round {number + 1} of {extent.rounds}")
                talking = asyncio.create_task(
                    pipeline.command(commands, COMMANDS_PER_S, lines=round(LINES_PER_S * extent.requests))
                )
                asked.append(await _ask(stage, requests, subjects.QUERY_CHANNEL_STATS))
                answered.append(await talking)
                echoed.append(await _ask(stage, round(REQUESTS_PER_S), echo.SUBJECT))
            judge(outcome, pipeline, await pipeline.arrivals())
        outcome.latency(
            "request to reply over NATS",
            asked,
            required={"mean": Bound("<", 10), "p95": Bound("<", 10)},
            show=("median", "p99"),
        )
        outcome.latency("reply of a process that does nothing else", echoed)
        outcome.latency(
            "private message to whole answer", answered, required={"max": Bound("<", 1000)}, show=("median", "p99")
        )
        missing = float(pipeline.commands_unanswered + requests * extent.rounds - sum(map(len, asked)))
        outcome.figure("questions without an answer", "questions", [missing], required=Bound("<=", 0))

    async def test_concurrent_event_latency(self, extent: Extent, outcome: Outcome, progress: Progress) -> None:
        """Fifty events in flight: from the moment at which fifty frames leave CyTube until each one's row is committed.

        **The way:** as for a single event, one line in each of 50 channels, all at one moment.

        **Why a user feels it:** a room laughs at the same joke; nobody's line should be late for it.

        **Samples:** 12 bursts of 50 a round, 3 rounds: 1,800 lines; two bursts of warm-up are left out. The next burst
        begins when all lines of the last one are there. Rosey, the direct writer and fire and forget take turns.

        **It would lie** if time began when a frame reaches the bot: it begins when the site has made all fifty frames
        and the first leaves it, and what the site worked on them before is a row of its own.
        """
        ways = (Way.ROSEY, Way.DIRECT, Way.ORIGINAL)
        acts: dict[Way, list[list[Act]]] = {way: [] for way in ways}
        async with AsyncExitStack() as stack:
            pipelines = await started(stack, ways, progress)
            for pipeline in pipelines:
                for _ in range(2):
                    await pipeline.burst(IN_FLIGHT)
            for number in range(extent.rounds):
                progress(f"round {number + 1} of {extent.rounds}")
                for pipeline in pipelines:
                    acts[pipeline.way].append([await pipeline.burst(IN_FLIGHT) for _ in range(extent.bursts)])
            for pipeline in pipelines:
                arrivals = await pipeline.arrivals()
                judge(outcome, pipeline, arrivals)
                rounds = [
                    [late - act.made_s for act in each for late in arrivals.latencies(act)]
                    for each in acts[pipeline.way]
                ]
                if pipeline.way is Way.ROSEY:
                    required = {"mean": Bound("<", 10)}
                    outcome.latency("50 frames to rows", rounds, required=required, show=("median", "p95", "p99"))
                    outcome.latency(
                        "the site's own work on 50 frames",
                        [[act.made_s for act in each] for each in acts[pipeline.way]],
                    )
                else:
                    outcome.latency(f"50 frames to rows, {pipeline.way.value}", rounds)


async def _ask(stage: Stage, count: int, subject: str) -> list[float]:
    """Ask, open loop; seconds from due to reply of those that were answered well."""
    finished: dict[int, float] = {}
    tasks = []

    async def ask(number: int) -> None:
        try:
            answer = await stage.client.request(subject, b"{}", timeout=5)
        except nats.errors.Error:
            return
        moment = time.time()
        if subject == echo.SUBJECT or msgspec.json.decode(answer.data)["success"]:
            finished[number] = moment

    performance = await open_loop(
        lambda number: tasks.append(asyncio.ensure_future(ask(number))), rate=REQUESTS_PER_S, count=count
    )
    await asyncio.gather(*tasks)
    return [moment - performance.schedule.due(number) for number, moment in sorted(finished.items())]
