"""What ingest and the requests tell, as metrics."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rosey_core import subjects
from rosey_core.events import ChatMessage, Event
from rosey_core.telemetry.metrics import OTHER
from rosey_core.telemetry.metrics_database import DatabaseMetrics
from rosey_core.telemetry.tracing import EXEMPLAR, TraceContext
from rosey_database.ingest.batch import Item, Poison
from rosey_database.ingest.ingest import Ingest, Stored
from rosey_database.requests import server
from rosey_database.tracing import DatabaseTracing
from rosey_database.writer import CheckpointStatistics

UNDECODABLE: Final = "undecodable"
UNSTORABLE: Final = "unstorable"
MOST_PUT_OFF: Final = 64
"""Events, and batches, that are kept until they are counted: enough to do it at a stretch, few in memory."""


class IngestObserver:
    """Counts what ingest does, and traces it where that is wanted.

    Args:
        metrics: to keep up to date.
        tracing: makes the traces.
    """

    def __init__(self, metrics: DatabaseMetrics, tracing: DatabaseTracing | None = None) -> None:
        self._metrics = metrics
        self._tracing = tracing
        self._batches: list[Stored] = []
        self._put_off = 0
        metrics.backlog.before_reading(self._count)

    def stored(self, stored: Stored) -> None:
        """A batch was committed."""
        if self._tracing is not None:
            for item, context in self._tracing.stored(stored):
                self._exemplify(item, context, stored.committed)
        self._batches.append(stored)
        self._put_off += 1 + len(stored.items)
        if self._put_off >= MOST_PUT_OFF:
            self._count()

    def _count(self) -> None:
        batches, self._batches, self._put_off = self._batches, [], 0
        if not batches:
            return
        metrics = self._metrics
        kinds: Counter[type[Event]] = Counter()
        to_row, waits, from_frame, to_stream = [], [], [], []
        for stored in batches:
            received = [item.received for item in stored.items]
            kinds.update([type(each.event) for each in received])
            published, committed = [each.stored for each in received], stored.committed
            to_row += _since(published, committed)
            waits += _since(published, committed - stored.commit_seconds)
            dated = [each for each in received if each.event.timestamp is not None and not _is_replayed(each.event)]
            from_frame += _since([each.time for each in dated], committed)
            to_stream += [max(each.stored - each.time, 0.0) for each in dated]
        for kind, count in kinds.items():
            metrics.events_stored[kind.SUBJECT].inc(count)
        metrics.publish_to_row_seconds.observe_all(to_row)
        metrics.batch_wait_seconds.observe_all(waits)
        metrics.frame_to_row_seconds.observe_all(from_frame)
        metrics.frame_to_stream_seconds.observe_all(to_stream)
        metrics.duplicates_ignored[OTHER].inc(sum(stored.duplicates for stored in batches))
        metrics.batch_size.observe_all([len(stored.items) for stored in batches])
        metrics.commit_seconds.observe_all([stored.commit_seconds for stored in batches])
        metrics.ingest_lag.set(batches[-1].pending)
        metrics.stored_position.set(batches[-1].position.sequence)

    def rejected(self, poison: Poison) -> None:
        """A message went to the dead letters."""
        try:
            template, _ = subjects.parse_event(poison.message.subject)
        except ValueError:
            template = OTHER
        reason = UNSTORABLE if poison.reason.startswith("could not be stored") else UNDECODABLE
        self._metrics.events_rejected[template, reason].inc()
        if self._tracing is not None:
            self._tracing.rejected(poison)

    def missing(self, count: int) -> None:
        """Events are gone from the stream that were never stored."""
        self._metrics.gap.inc(count)

    def future(self, count: int) -> None:
        """Events were dated too far ahead."""
        self._metrics.future_timestamps.inc(count)

    def restarted(self, reason: str) -> None:
        """Reading began anew."""
        self._metrics.consumer_restarts[reason].inc()

    def _exemplify(self, item: Item, context: TraceContext, committed: float) -> None:
        received, labels = item.received, {EXEMPLAR: context.trace}
        self._metrics.publish_to_row_seconds.exemplify(max(committed - received.stored, 0.0), labels)
        if received.event.timestamp is not None and not _is_replayed(received.event):
            self._metrics.frame_to_row_seconds.exemplify(max(committed - received.time, 0.0), labels)


def _since(moments: list[float], now: float) -> list[float]:
    """How long ago these were; what a clock that goes ahead puts into the future is now."""
    if max(moments, default=now) > now:
        return [max(now - moment, 0.0) for moment in moments]
    return [now - moment for moment in moments]


def _is_replayed(event: Event) -> bool:
    """Whether it tells of a time before the frame that it came from: a line that CyTube shows again at a join."""
    return isinstance(event, ChatMessage) and event.replayed


def lag_seconds(ingest: Ingest, now: float) -> float:
    """How old the event stored last is while others wait, in seconds; 0 while none does."""
    if ingest.position is None or not ingest.pending:
        return 0.0
    return max(now - ingest.position.message_time / 1e9, 0.0)


def measure_files(file: Path, metrics: DatabaseMetrics) -> None:
    """Take over the sizes of a database's files, and what its disk has left."""
    log_file = file.with_name(f"{file.name}-wal")
    sizes = {path: path.stat().st_size for path in (file, log_file) if path.exists()}
    metrics.size.set(sum(sizes.values()))
    metrics.log_size.set(sizes.get(log_file, 0))
    metrics.disk_free.set(shutil.disk_usage(file.absolute().parent).free)


def measure_checkpoints(statistics: CheckpointStatistics, metrics: DatabaseMetrics) -> None:
    """Take over what the checkpoints came to since the last time."""
    taken = statistics.take()
    metrics.checkpoints["done"].inc(taken.done)
    metrics.checkpoints["failed"].inc(taken.failed)
    metrics.checkpoint_seconds.inc(taken.seconds)


class _Asked:
    """Hears of each request, and traces it where that is wanted.

    Args:
        metrics: to keep up to date.
        tracing: makes the traces.
    """

    def __init__(self, metrics: DatabaseMetrics, tracing: DatabaseTracing | None = None) -> None:
        self._metrics = metrics
        self._tracing = tracing

    def asked(self, headers: Mapping[str, str]) -> None:
        """A request came that has headers."""
        if self._tracing is not None:
            self._tracing.asked(headers)


class RequestObserver(_Asked):
    """Counts what is asked, and traces it where that is wanted."""

    def answered(self, template: str, outcome: str, seconds: float) -> None:
        """A request was answered."""
        self._metrics.requests[template, outcome].inc()
        context = None if self._tracing is None else self._tracing.answered(template, outcome, seconds)
        self._metrics.request_seconds[template].observe(seconds, None if context is None else {EXEMPLAR: context.trace})
        if outcome == server.BAD:
            self._metrics.bad_requests[template].inc()


class ApiObserver(_Asked):
    """Counts what is asked over HTTP, and traces it where that is wanted."""

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered, or refused."""
        self._metrics.api_requests[route, str(status)].inc()
        context = None if self._tracing is None else self._tracing.served(method, route, status, seconds)
        exemplar = None if context is None else {EXEMPLAR: context.trace}
        self._metrics.api_request_seconds[route].observe(seconds, exemplar)
