"""A process that stops and starts its DatabaseService again and again, while somebody else publishes.

Counted from the call of ``stop`` until ``start`` has returned and events are read again. The database stays open, as
``DatabaseService`` leaves it; the connection to NATS stays, too.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from pathlib import Path
from typing import Final

from benchmarks import program
from rosey_core.bus import Bus
from rosey_database import BotDatabase, DatabaseService

PAUSE_S: Final = 0.2


async def restart(options: argparse.Namespace) -> None:
    """Serve; reports ``ready``, and when told to go the milliseconds of each restart."""
    bus = Bus(options.nats, name="benchmark-restarts")
    await bus.start()
    await bus.wait_connected()
    database = BotDatabase(options.database)
    await database.connect()
    service = DatabaseService(bus, database)
    await service.start()
    await _working(service)
    program.say(ready=True)
    await program.told_to_go()
    taken = []
    for _ in range(options.count):
        await asyncio.sleep(PAUSE_S)
        begun = time.perf_counter()
        await service.stop()
        await service.start()
        await _working(service)
        taken.append((time.perf_counter() - begun) * 1e3)
    program.say(restarts_ms=taken)
    await program.told_to_go()
    await service.stop()
    await database.close(end_sessions=False)
    await bus.close()


async def _working(service: DatabaseService) -> None:
    assert service.ingest is not None
    await asyncio.wait_for(service.ingest.working.wait(), 10)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.restarts", description=__doc__)
    parser.add_argument("--nats", required=True)
    parser.add_argument("--database", required=True, type=Path)
    parser.add_argument("--count", required=True, type=int)
    program.run(restart(parser.parse_args()))


if __name__ == "__main__":
    main()
