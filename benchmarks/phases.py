"""``python -m benchmarks.phases``: what an event costs in each phase of ingest, in microseconds of CPU, in one thread.

The same code as the service's, fed with messages that are in memory already: what is left out is receiving them and the
way between threads. Each figure is the least of some repetitions, so that a busy machine spoils it little; two versions
are compared by turns. It would lie about what a full database costs: each repetition begins with an empty one.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from benchmarks.workload import Workload
from rosey_core import events, streams, subjects
from rosey_core.telemetry.metrics_database import DatabaseMetrics
from rosey_database import migrations, sqlite
from rosey_database.ingest import position
from rosey_database.ingest.application import apply
from rosey_database.ingest.batch import Batch
from rosey_database.ingest.consumer import StreamMessage
from rosey_database.ingest.ingest import BATCH_LIMIT, Stored
from rosey_database.ingest.position import Position
from rosey_database.observation import IngestObserver
from rosey_database.sqlite import Location
from rosey_database.tables.channels import ChannelIds
from rosey_database.writer import Transaction

_CREATED: Final = 1


def messages(count: int) -> list[StreamMessage]:
    """So many messages of a stream, a millisecond apart up to now."""
    begun = time.time_ns() - count * 1_000_000
    return [
        StreamMessage(
            subjects.for_channel(event.SUBJECT, event.channel),
            events.encode(event),
            sequence,
            begun + sequence * 1_000_000,
            0,
            f"NATS/1.0\r\nNats-Msg-Id: {event.event_id}\r\n\r\n".encode(),
        )
        for sequence, event in enumerate(Workload().events(count), start=1)
    ]


def measure(given: list[StreamMessage], directory: Path) -> dict[str, float]:
    """Microseconds an event: ``decode``, ``apply``, ``commit``, ``observe``."""
    location = Location.of(directory / "phases.db")
    migrations.upgrade(location)
    connection = sqlite.connect(location)
    observer = IngestObserver(DatabaseMetrics(CollectorRegistry()))
    ids = ChannelIds()
    spent: dict[str, float] = defaultdict(float)
    last = time.thread_time()

    def note(phase: str) -> None:
        nonlocal last
        now = time.thread_time()
        spent[phase] += (now - last) / len(given) * 1e6
        last = now

    reached = Position(stream=streams.EVENTS, created=_CREATED, sequence=0)
    position.begin(connection, reached)
    for begin in range(0, len(given), BATCH_LIMIT):
        last = time.thread_time()
        batch = Batch(given[begin : begin + BATCH_LIMIT], stream_created=str(_CREATED))
        note("decode")
        assert batch.last is not None
        to = reached.moved(batch.last.sequence, batch.last.nanoseconds, batch.last_id)
        connection.execute("BEGIN IMMEDIATE")
        position.move(connection, built_on=reached, to=to)
        duplicates = apply(Transaction(connection, ids), batch.items)
        note("apply")
        connection.execute("COMMIT")
        note("commit")
        observer.stored(Stored(batch.items, time.time(), 0.01, duplicates, 0, to))
        note("observe")
        reached = to
    connection.close()
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.phases", description=__doc__)
    parser.add_argument("--count", type=int, default=30_000, help="events a repetition (default: 30000)")
    parser.add_argument("--repetitions", type=int, default=5)
    options = parser.parse_args()
    given = messages(options.count)
    least: dict[str, float] = {}
    for _ in range(options.repetitions):
        with tempfile.TemporaryDirectory() as directory:
            for phase, cost in measure(given, Path(directory)).items():
                least[phase] = min(cost, least.get(phase, cost))
    for phase, cost in {**least, "in all": sum(least.values())}.items():
        print(f"{phase:<8}{cost:6.2f} us")


if __name__ == "__main__":
    main()
