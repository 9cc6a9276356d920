"""What the processes of a release tell as metrics, read from themselves or from a Prometheus that scrapes them."""

from __future__ import annotations

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import aiohttp

from rosey_cli.up.scrape import Key, Unreachable, get_samples

BUILD: Final = "rosey_build_info"
CPU: Final = "process_cpu_seconds_total"
MEMORY: Final = "process_resident_memory_bytes"
STARTED: Final = "process_start_time_seconds"
BOT: Final = "rosey-bot"
DATABASE: Final = "rosey-database"

FRESH_TIMEOUT_S: Final = 150.0
"""A Prometheus scrapes every minute, unless told otherwise."""
POLL_S: Final = 0.5
HTTP_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)


@dataclass(frozen=True)
class Distribution:
    """A histogram of the release.

    Attributes:
        count: how many were observed.
        total: their sum.
        buckets: how many were no larger than each upper bound, ascending.
    """

    count: float
    total: float
    buckets: tuple[tuple[float, float], ...]

    def __sub__(self, before: Distribution) -> Distribution:
        earlier = dict(before.buckets)
        buckets = tuple((bound, number - earlier.get(bound, 0.0)) for bound, number in self.buckets)
        return Distribution(self.count - before.count, self.total - before.total, buckets)

    @property
    def mean(self) -> float:
        """NaN where nothing was observed."""
        return self.total / self.count if self.count else float("nan")

    def bucket(self, share: float) -> int:
        """The place of the bucket that holds the percentile; -1 where nothing was observed."""
        if not self.count:
            return -1
        return next(place for place, (_, number) in enumerate(self.buckets) if number >= share / 100 * self.count)

    def place(self, value: float) -> int:
        """The place of the bucket that holds ``value``."""
        return next(place for place, (bound, _) in enumerate(self.buckets) if value <= bound)


class Reading:
    """All metrics of all processes at one moment.

    Args:
        processes: of each its samples.
    """

    def __init__(self, processes: Sequence[Mapping[Key, float]]) -> None:
        self._processes = [(_service(samples), samples) for samples in processes]

    @property
    def services(self) -> set[str]:
        """Which services were heard."""
        return {service for service, _ in self._processes}

    @property
    def processes(self) -> frozenset[tuple[str, float]]:
        """Which processes were heard, each by its service and when it was started."""
        return frozenset((service, self.total(STARTED, service)) for service in self.services)

    def total(self, name: str, service: str | None = None, **labels: str) -> float:
        """The sum of a metric over processes and labels."""
        return sum(
            value
            for own, samples in self._processes
            if service in (None, own)
            for (found, pairs), value in samples.items()
            if found == name and labels.items() <= dict(pairs).items()
        )

    def distribution(self, name: str) -> Distribution:
        """A histogram, summed over processes and labels."""
        buckets: dict[float, float] = defaultdict(float)
        for _, samples in self._processes:
            for (found, pairs), value in samples.items():
                if found == f"{name}_bucket":
                    buckets[float(dict(pairs)["le"])] += value
        return Distribution(self.total(f"{name}_count"), self.total(f"{name}_sum"), tuple(sorted(buckets.items())))


class Source(Protocol):
    """Where metrics are read."""

    async def read(self) -> Reading:
        """What is told now, or a moment later.

        Raises:
            Unreachable: nothing is.
        """


class Endpoints:
    """The processes themselves.

    Args:
        urls: where each serves its metrics, with or without the path.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = [url.rstrip("/").removesuffix("/metrics") for url in urls]

    async def read(self) -> Reading:
        """Ask each of them."""
        return Reading(await asyncio.gather(*map(get_samples, self._urls)))


class Prometheus:
    """A Prometheus that scrapes the release's processes.

    Args:
        url: where it is.
        selector: which of the series that it has are this release's, such as ``namespace="rosey"``; empty for all.
    """

    def __init__(self, url: str, selector: str = "") -> None:
        self._url = url.rstrip("/")
        self._selector = selector.strip().strip("{}")

    async def read(self) -> Reading:
        """Wait until everything was scraped after this moment, and give that."""
        begun = time.time()
        wanted = ",".join(filter(None, ['__name__=~"rosey_.*|process_.*"', self._selector]))
        async with aiohttp.ClientSession(timeout=HTTP_TIMEOUT) as session:
            while not await self._is_fresh(session, begun):
                if time.time() > begun + FRESH_TIMEOUT_S:
                    raise Unreachable(f"{self._url} has no new figures of the release after {FRESH_TIMEOUT_S:g} s")
                await asyncio.sleep(POLL_S)
            series = await self._query(session, f"{{{wanted}}}")
        processes: dict[str, dict[Key, float]] = defaultdict(dict)
        for each in series:
            labels = dict(each["metric"])
            key = (labels.pop("__name__"), tuple(sorted(labels.items())))
            processes[labels.get("instance", "")][key] = float(each["value"][1])
        return Reading([samples for samples in processes.values() if any(name == BUILD for name, _ in samples)])

    async def _is_fresh(self, session: aiohttp.ClientSession, moment: float) -> bool:
        ages = await self._query(session, f"timestamp({BUILD}{{{self._selector}}})")
        return bool(ages) and all(float(each["value"][1]) > moment for each in ages)

    async def _query(self, session: aiohttp.ClientSession, query: str) -> list[dict[str, Any]]:
        try:
            async with session.get(f"{self._url}/api/v1/query", params={"query": query}) as answer:
                content = await answer.json()
        except (aiohttp.ClientError, TimeoutError, json.JSONDecodeError) as error:
            raise Unreachable(f"{self._url} does not answer: {error}") from None
        if content.get("status") != "success":
            raise Unreachable(f"{self._url}: {content.get('error', content)}")
        return list(content["data"]["result"])


def _service(samples: Mapping[Key, float]) -> str:
    return next((dict(labels).get("service", "") for name, labels in samples if name == BUILD), "")
