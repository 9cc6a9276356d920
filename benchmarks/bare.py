"""What the way from the stream costs without decoding and without a database: the bound of ingest.

``pull``: ingest's own pull requests on nats-py's client as it comes; the messages are counted and dropped.
``consumer``: the same on Rosey's client with its shortcut, as the service reads. ``fetch``: what nats-py offers for it,
a durable consumer with ``fetch(500)`` and an acknowledgement for each message. All note their progress as the service
does.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Final

from nats.aio.client import Client

from benchmarks import program
from benchmarks.commits import CommitLog
from rosey_core import streams
from rosey_core.shortcut import ShortcutClient
from rosey_database.ingest.consumer import Consumer
from rosey_database.ingest.ingest import BATCH_LIMIT

FETCH: Final = 500


async def pull(client: Client, log: CommitLog, count: int) -> None:
    """Read ``count`` messages with ingest's consumer."""
    consumer = Consumer(client, streams.EVENTS, start=1)
    await consumer.start()
    last = 0
    while last < count:
        messages = await consumer.take(BATCH_LIMIT)
        last = messages[-1].sequence
        log.note(last, time.time())
    await consumer.stop()


async def fetch(client: Client, log: CommitLog, count: int) -> None:
    """Read ``count`` messages with nats-py's ``fetch``, and acknowledge each."""
    subscription = await client.jetstream().pull_subscribe("", durable="bare", stream=streams.EVENTS)
    taken = 0
    while taken < count:
        messages = await subscription.fetch(FETCH)
        for message in messages:
            await message.ack()
        taken += len(messages)
        log.note(taken, time.time())
    await subscription.unsubscribe()
    await client.jsm().delete_consumer(streams.EVENTS, "bare")


READERS: Final = {"pull": pull, "fetch": fetch, "consumer": pull}


async def read(options: argparse.Namespace) -> None:
    """Read; reports ``ready``, and the CPU that it took."""
    client = ShortcutClient() if options.how == "consumer" else Client()
    await client.connect(options.nats)
    log = CommitLog(options.commits)
    program.say(ready=True)
    await program.told_to_go()
    before = time.process_time()
    await READERS[options.how](client, log, options.count)
    program.say(cpu_us=(time.process_time() - before) / options.count * 1e6)
    await client.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bare", description=__doc__)
    parser.add_argument("how", choices=READERS)
    parser.add_argument("--nats", required=True)
    parser.add_argument("--commits", required=True, type=Path)
    parser.add_argument("--count", required=True, type=int)
    program.run(read(parser.parse_args()))


if __name__ == "__main__":
    main()
