"""The figures of a run as metrics, while it goes on."""

from __future__ import annotations

import asyncio
import importlib.metadata
import time
from types import TracebackType
from typing import Final, Self

from benchmarks.exposition import show
from benchmarks.outcome import Outcome
from rosey_core.health import Health, HealthServer
from rosey_core.telemetry.metrics import new_registry
from rosey_core.telemetry.metrics_benchmark import BenchmarkMetrics

SERVICE: Final = "rosey-benchmark"


class Exposition:
    """Serves what was found so far. Use as an asynchronous context manager.

    Args:
        port: where, on all addresses, 0 for any that is free; ``None`` for nowhere.
    """

    def __init__(self, port: int | None) -> None:
        registry = new_registry(SERVICE, importlib.metadata.version("rosey-core"))
        self._metrics = BenchmarkMetrics(registry)
        health = Health("benchmark")
        health.ok("benchmark")
        self._server = None if port is None else HealthServer(health, registry, host="0.0.0.0", port=port)

    async def __aenter__(self) -> Self:
        if self._server is not None:
            await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            await self._server.stop()

    @property
    def port(self) -> int:
        """Where it serves.

        Raises:
            RuntimeError: it does not.
        """
        if self._server is None:
            raise RuntimeError("the figures are not served")
        return self._server.port

    def show(self, outcome: Outcome) -> None:
        """Take over the figures of a benchmark that has ended."""
        show(outcome.rows, self._metrics)

    async def linger(self, seconds: float) -> None:
        """All has ended; go on for so long, for whoever scrapes."""
        self._metrics.finished.set(time.time())
        if self._server is not None:
            await asyncio.sleep(seconds)
