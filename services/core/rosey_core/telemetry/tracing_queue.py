"""Finished spans on their way to the exporter: whoever ends a span never waits, and what is lost is counted."""

from __future__ import annotations

import logging
import threading
from collections import deque
from typing import Final

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from rosey_core.telemetry.metrics_tracing import TracingMetrics

log = logging.getLogger(__name__)

CAPACITY: Final = 2048
BATCH: Final = 512
INTERVAL_S: Final = 1.0

FULL: Final = "queue_full"
REFUSED: Final = "export_failed"


class SpanQueue(SpanProcessor):
    """Exports spans from a thread of its own; OpenTelemetry's own batches drop without a count that one could read.

    Args:
        exporter: takes spans; it may block, and fail.
        metrics: what it counts in.
        capacity: spans that may wait; what comes beyond is lost.
        interval: seconds between two exports, while less than a batch waits.
    """

    def __init__(
        self,
        exporter: SpanExporter,
        metrics: TracingMetrics,
        *,
        capacity: int = CAPACITY,
        interval: float = INTERVAL_S,
    ) -> None:
        self._exporter: Final = exporter
        self._exported: Final = metrics.exported
        self._full: Final = metrics.lost[FULL]
        self._refused: Final = metrics.lost[REFUSED]
        self._capacity: Final = capacity
        self._interval: Final = interval
        self._waiting: deque[ReadableSpan] = deque()
        self._in_export = 0
        self._wake: Final = threading.Event()
        self._closing = False
        self._is_failing = False
        # Not to be waited for at the process's end: an exporter may hang.
        self._thread: Final = threading.Thread(target=self._work, name="span-export", daemon=True)
        self._thread.start()

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Nothing: a span counts when it ends."""

    def on_end(self, span: ReadableSpan) -> None:
        """Take a finished span."""
        if self._closing or len(self._waiting) >= self._capacity:
            self._full.inc()
            return
        self._waiting.append(span)
        if len(self._waiting) >= BATCH and not self._wake.is_set():
            self._wake.set()

    def close(self, timeout: float = 1.0) -> None:
        """Export what waits, for so many seconds at most; the rest is lost."""
        self._closing = True
        self._wake.set()
        self._thread.join(timeout)
        left = len(self._waiting) + self._in_export
        if left:
            log.warning("%d spans are lost: the receiver of traces did not take them in time", left)

    def _work(self) -> None:
        while True:
            self._wake.wait(self._interval)
            self._wake.clear()
            while self._waiting:
                self._export()
            if self._closing:
                self._exporter.shutdown()
                return

    def _export(self) -> None:
        self._in_export = min(len(self._waiting), BATCH)
        batch = [self._waiting.popleft() for _ in range(self._in_export)]
        try:
            is_taken = self._exporter.export(batch) is SpanExportResult.SUCCESS
        except Exception as error:
            log.debug("exporting spans: %s", error)
            is_taken = False
        if is_taken:
            self._exported.inc(len(batch))
        else:
            self._refused.inc(len(batch))
        self._in_export = 0
        if is_taken is self._is_failing:
            self._is_failing = not is_taken
            if is_taken:
                log.info("the receiver of traces takes spans again")
            else:
                log.warning("the receiver of traces takes no spans: they are lost; all else goes on")
