"""A process that publishes a workload with the bot's own outbox, at a rate or as fast as it is acknowledged.

The events are made before the start and kept out of the garbage collector's sight: a bot does not hold a run's worth
of them. What remains is what the bot's process does for an event from ``publish`` to acknowledgement, with the bot's
own metrics, plus some microseconds of the load's own for each tick.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import time
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from benchmarks import program
from benchmarks.load import open_loop
from benchmarks.workload import Workload
from rosey_bot.publish.outbox import Outbox
from rosey_bot.telemetry import BotTelemetry
from rosey_core.bus import Bus

UNACKNOWLEDGED: Final = 1000
"""As fast as possible means: with so many on the way. Far more would measure the spool."""


async def publish(options: argparse.Namespace) -> None:
    """Publish; reports ``ready``, and after the last acknowledgement when each event was due."""
    events = list(Workload(seed=options.seed, users=options.users).events(options.count))
    bus = Bus(options.nats, name="benchmark-publisher")
    await bus.start()
    await bus.wait_connected()
    telemetry = BotTelemetry(CollectorRegistry())
    outbox = Outbox(bus, spool_directory=options.spool, on_ack_latency=telemetry.acknowledged)
    await outbox.start()
    gc.collect()
    gc.freeze()
    program.say(ready=True)
    await program.told_to_go()
    lateness = {}
    if options.rate:
        performance = await open_loop(
            lambda number: outbox.publish(events[number]), rate=options.rate, count=len(events)
        )
        start = performance.schedule.start
        lateness = performance.lateness.milliseconds()
    else:
        start = time.time()
        for event in events:
            while outbox.backlog >= UNACKNOWLEDGED:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            outbox.publish(event)
    while outbox.backlog:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    program.say(start=start, acknowledged=time.time(), lateness_ms=lateness, **_counters(outbox))
    await program.told_to_go()
    await outbox.close()
    await bus.close()


def _counters(outbox: Outbox) -> dict[str, int]:
    statistics = outbox.statistics
    return {"spooled": statistics.spooled, "retried": statistics.retried, "dropped": statistics.dropped}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.publisher", description=__doc__)
    parser.add_argument("--nats", required=True)
    parser.add_argument("--spool", required=True, type=Path)
    parser.add_argument("--count", required=True, type=int)
    parser.add_argument("--rate", type=float, default=0, help="events a second; 0: as fast as acknowledged")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--users", type=int, default=40, help="users of each channel")
    program.run(publish(parser.parse_args()))


if __name__ == "__main__":
    main()
