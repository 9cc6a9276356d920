"""The processes that serve metrics, looked at again and again."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from rosey_cli.up.child import State
from rosey_cli.up.scrape import Key, Totals, Unreachable, get_readiness, get_samples
from rosey_cli.up.snapshot import ProcessState

_BUILD: Final = "rosey_build_info"
_CPU: Final = "process_cpu_seconds_total"
_MEMORY: Final = "process_resident_memory_bytes"
_STARTED: Final = "process_start_time_seconds"


class Look(NamedTuple):
    """What one look at all processes has found.

    Attributes:
        totals: all their metrics together.
        services: the names of those that answered.
        processes: each, whether it answered or not.
        problems: what they say is wrong.
        started: Unix seconds at which the first of them began; ``None`` where none says.
    """

    totals: Totals
    services: frozenset[str]
    processes: list[ProcessState]
    problems: list[str]
    started: float | None


class Endpoints:
    """Processes of Rosey, by where they serve their metrics.

    Args:
        urls: tells where, at each look: ``http://host:port``, with the process's name, or the same where it is unknown.
    """

    def __init__(self, urls: Callable[[], Mapping[str, str]]) -> None:
        self._urls = urls
        self._names: dict[str, str] = {}
        self._cpu: dict[str, tuple[float, float]] = {}

    async def look(self) -> Look:
        """Look once at all of them."""
        urls = self._urls()
        answers = await asyncio.gather(*map(self._ask, urls))
        merged: dict[Key, float] = defaultdict(float)
        services, processes, problems, started = set(), [], [], []
        for url, (samples, reasons, ready) in zip(urls, answers, strict=True):
            if samples is None:
                name = self._names.get(url, urls[url])
                processes.append(_silent(name))
                problems.append(f"{name} does not answer" if name == url else f"{name} does not answer at {url}")
                continue
            service = next((dict(labels).get("service", url) for name, labels in samples if name == _BUILD), url)
            services.add(service)
            self._names[url] = service
            problems += [f"{service}: {reason}" for reason in reasons]
            processes.append(self._process(url, service, samples, ready))
            started += [value for (name, _), value in samples.items() if name == _STARTED]
            for key, value in samples.items():
                merged[key] += value
        totals = Totals()
        totals.update(0, merged)
        return Look(totals, frozenset(services), processes, problems, min(started, default=None))

    async def _ask(self, url: str) -> tuple[dict[Key, float] | None, list[str], bool]:
        try:
            samples = await get_samples(url)
        except Unreachable:
            return None, [], False
        readiness = await get_readiness(url)
        return samples, readiness.reasons, readiness.ready

    def _process(self, url: str, service: str, samples: Mapping[Key, float], ready: bool) -> ProcessState:
        now, seconds = time.monotonic(), samples.get((_CPU, ()), 0.0)
        before = self._cpu.get(url)
        self._cpu[url] = (now, seconds)
        percent = 0.0
        if before is not None and now > before[0]:
            percent = 100 * max(0.0, seconds - before[1]) / (now - before[0])
        memory = int(samples.get((_MEMORY, ()), 0))
        return ProcessState(service, State.READY if ready else State.UNREADY, None, 0, seconds, percent, memory, memory)


def _silent(name: str) -> ProcessState:
    return ProcessState(name, State.FAILED, None, 0, 0.0, 0.0, 0, 0)
