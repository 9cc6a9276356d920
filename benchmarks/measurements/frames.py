"""Latency over the whole way: from a line said at CyTube to its committed row."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from benchmarks.histogram import Histogram
from benchmarks.load import Schedule
from benchmarks.measurements.sample import Sample, Scale
from benchmarks.processes import CpuMeter
from benchmarks.stage import Stage
from benchmarks.verdict import Verdict
from rosey_core import events, streams
from rosey_database.ingest.consumer import Consumer
from tests.support.waiting import until

CHANNELS = 50
RATE = 1000.0
ARRIVAL_TIMEOUT_S = 30.0

log = logging.getLogger(__name__)


async def frames(scale: Scale) -> Sample:
    """Open loop at 1,000 lines a second over 50 channels: from the moment a line is due to its committed row.

    The simulator's process says the line in its room and sends the frame over its socket; the bot's process, real
    ``rosey-bot`` with 50 connections, makes it an event and publishes it; the service commits it. Between two runs
    everything is started anew; a warm-up at the same rate is left out.

    It would lie if people were silenced by CyTube's own rate limit (every line must be there at the end, or it counts
    as lost) and says nothing of the Internet between CyTube and a bot.
    """
    count = round(RATE * (scale.warm_up + scale.seconds))
    async with Stage() as stage:
        service = await stage.database_service()
        simulator = await stage.program("simulator", "--channels", CHANNELS, "--rate", RATE, "--count", count)
        url = (await simulator.report())["url"]
        platforms = [
            {"type": "cytube", "server": url, "channel": f"room{number}", "user": "Rosey"} for number in range(CHANNELS)
        ]
        bot = await stage.service(
            [str(Path(sys.executable).with_name("rosey-bot"))],
            "bot",
            {"platforms": platforms, "bot": {"spool_dir": str(stage.directory / "bot-spool")}},
        )
        meter = CpuMeter(simulator=simulator.pid, bot=bot.pid, service=service.pid, nats=stage.nats.pid)
        report = await simulator.go()
        cpu = meter.microseconds(count)
        await _arrived(stage, count)
        await bot.stop()
        record = await stage.all_stored()
        sequences, verdict = await _said(stage, count)
        await service.stop()
    schedule = Schedule(report["start"], RATE)
    first = round(RATE * scale.warm_up)
    row = Histogram(
        record.time_of(sequence) - schedule.due(number) for number, sequence in sequences.items() if number >= first
    )
    values = {"frame_to_row_ms.p50": row.percentile(50) * 1e3, "frame_to_row_ms.p99": row.percentile(99) * 1e3}
    return Sample(values, {"row": row.as_json(), "simulator": report, "cpu_us": cpu}, verdict)


async def _arrived(stage: Stage, count: int) -> None:
    """Wait until every line is stored; what never comes shows in the verdict."""
    try:
        await until(
            lambda: stage.rows("SELECT count(*) FROM recent_chat")[0][0] >= count, timeout=ARRIVAL_TIMEOUT_S, poll=0.2
        )
    except TimeoutError as error:
        log.error("lines are missing: %s", error)


async def _said(stage: Stage, count: int) -> tuple[dict[int, int], Verdict]:
    """Each line's sequence in the stream by its number, and what became of the lines."""
    last = await stage.last_sequence()
    sequences: dict[int, int] = {}
    doubled = read = 0
    consumer = Consumer(stage.client, streams.EVENTS, start=1)
    await consumer.start()
    while read < last:
        for message in await consumer.take(2000):
            read = message.sequence
            event, _ = events.decode(message.subject, message.payload)
            if isinstance(event, events.ChatMessage):
                number = int(event.message)
                doubled += number in sequences
                sequences[number] = read
    await consumer.stop()
    stored = stage.rows("SELECT count(*), count(DISTINCT message) FROM recent_chat")[0]
    counted = stage.rows("SELECT sum(total_chat_lines) FROM user_stats")[0][0]
    return sequences, Verdict(count, count - min(stored[1], counted), max(stored[0], counted) - stored[1] + doubled)
