"""Everything at once."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from benchmarks.outcome import Outcome
from benchmarks.release.run import Run
from benchmarks.release.target import Release
from benchmarks.rows import Bound
from benchmarks.workload import USERS
from rosey_core.events import PmCommand, UserJoined, UserLeft
from rosey_core.queries import ChannelStats

EACH = 50


async def test_concurrent_event_types(run: Run, outcome: Outcome) -> None:
    """Joins, chat and commands at one moment: until a reader has seen all of their rows.

    **The way:** 50 joins, 50 lines and 50 moderators' commands are published within one turn of the loop. Then the
    number of users ever seen, the newest line and the list of commands are asked for by turns until all are there.

    **It would lie** if kinds were sent one after the other, or if one of them were forgotten: each is counted. What a
    bot does with a command is not measured: the benchmark is not in its rooms.
    """
    release = run.release
    taken: list[dict[str, float]] = []
    # Whoever speaks has been seen by then, so that only those who join are new.
    await release.say(2 * USERS, 100.0)
    for number in range(run.extent.mixed):
        run.say(f"moment {number + 1} of {run.extent.mixed}")
        taken.append(await _moment(release, f"{release.run}{number}"))
    outcome.judge_fate(await release.verdict())
    there = sum(EACH for each in taken for seconds in each.values() if seconds != float("inf"))
    missing = 3 * EACH * len(taken) - there
    outcome.figure("events at one moment, all seen", "events", [there / len(taken)], required=Bound(">=", 50))
    outcome.figure("kinds that were not all seen", "events", [float(missing)], required=Bound("<=", 0))
    for kind in ("joins", "lines", "commands"):
        outcome.latency(f"50 {kind} among 150 events to a reader's sight", [[each[kind]] for each in taken])


async def _moment(release: Release, name: str) -> dict[str, float]:
    """The seconds until all of each kind were seen; infinite where they never were."""
    seen_before = (await release.ask(ChannelStats())).total_users_seen
    visitors = [f"v{name}{number}" for number in range(EACH)]
    moderator = f"m{name}"
    begun = time.time()
    last = release.utter(EACH, begun)
    for visitor in visitors:
        release.publish(UserJoined(channel=release.channel, username=visitor, timestamp=begun))
        command = PmCommand(
            channel=release.channel, timestamp=begun, username=moderator, command="benchmark", args=visitor
        )
        release.publish(command)

    async def joins() -> bool:
        return bool((await release.ask(ChannelStats())).total_users_seen >= seen_before + EACH)

    async def lines() -> bool:
        return await release.newest() >= last

    async def commands() -> bool:
        return await release.commands(moderator) >= EACH

    waiting: dict[str, Callable[[], Awaitable[bool]]] = {"joins": joins, "lines": lines, "commands": commands}
    taken = dict.fromkeys(waiting, float("inf"))
    while waiting and time.time() < begun + release.patience:
        for kind, is_there in list(waiting.items()):
            if await is_there():
                taken[kind] = time.time() - begun
                del waiting[kind]
    for visitor in visitors:
        release.publish(UserLeft(channel=release.channel, username=visitor, timestamp=time.time()))
    return taken
