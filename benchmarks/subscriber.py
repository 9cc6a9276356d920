"""The other end of fire and forget: subscribes to the events with core NATS, and writes each in its own transaction.

So did the first database service that Rosey had: what it does not hear is lost, and it does not know.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import nats
from nats.aio.msg import Msg

from benchmarks import program
from benchmarks.direct import DirectStore
from rosey_core import events, subjects


async def subscribe(options: argparse.Namespace) -> None:
    """Store what comes; reports ``ready``, ends when told to."""
    store = DirectStore(options.database, journal=options.journal, record=options.commits)
    await store.start()
    client = await nats.connect(options.nats)

    async def take(message: Msg) -> None:
        event, _ = events.decode(message.subject, message.data)
        store.put(event)

    for pattern in subjects.event_patterns():
        await client.subscribe(pattern, cb=take)
    await client.flush()
    program.say(ready=True)
    await program.told_to_go()
    await client.close()
    await store.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.subscriber", description=__doc__)
    parser.add_argument("--nats", required=True)
    parser.add_argument("--database", required=True, type=Path)
    parser.add_argument("--commits", required=True, type=Path)
    parser.add_argument("--journal", choices=("delete", "wal"), default="delete")
    program.run(subscribe(parser.parse_args()))


if __name__ == "__main__":
    main()
