"""What a process of ours tells over HTTP: its metrics, whether it is ready, whether it lives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_S: Final = 2.0
_CUMULATIVE: Final = ("_total", "_bucket", "_count", "_sum")

Key = tuple[str, tuple[tuple[str, str], ...]]


class Unreachable(Exception):
    """The process does not answer."""


class Readiness(NamedTuple):
    """Whether a process does what it is for, and what keeps it from it."""

    ready: bool
    reasons: list[str]


async def _get(url: str) -> tuple[int, Any]:
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session,
            session.get(url) as response,
        ):
            if response.content_type == "application/json":
                return response.status, await response.json()
            return response.status, await response.text()
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        raise Unreachable(f"{url}: {str(error) or type(error).__name__}") from None


async def get_readiness(url: str) -> Readiness:
    """Ask ``/readyz`` of the process whose health is served at ``url``; no answer counts as not ready."""
    try:
        status, body = await _get(f"{url}/readyz")
    except Unreachable as error:
        return Readiness(False, [str(error)])
    checks = body.get("checks", {}) if isinstance(body, dict) else {}
    return Readiness(status == 200, [f"{name}: {check['reason']}" for name, check in checks.items() if not check["ok"]])


async def is_alive(url: str) -> bool:
    """Ask ``/healthz``: ``False`` where only a new process helps.

    Raises:
        Unreachable: there is no answer.
    """
    status, _ = await _get(f"{url}/healthz")
    return status == 200


async def get_samples(url: str) -> dict[Key, float]:
    """Ask ``/metrics``: each sample by its name and labels.

    Raises:
        Unreachable: there is no answer.
    """
    status, text = await _get(f"{url}/metrics")
    if status != 200 or not isinstance(text, str):
        raise Unreachable(f"{url}/metrics answers {status}")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class Totals:
    """The metrics of a program over all its processes: what counts up goes on where the last process ended."""

    def __init__(self) -> None:
        self._pid: int | None = None
        self._before: dict[Key, float] = defaultdict(float)
        self._now: Mapping[Key, float] = {}

    def update(self, pid: int, samples: Mapping[Key, float]) -> None:
        """Take what process ``pid`` tells."""
        if pid != self._pid:
            for key, value in self._now.items():
                if key[0].endswith(_CUMULATIVE):
                    self._before[key] += value
            self._pid = pid
        self._now = samples

    def value(self, name: str) -> float:
        """The sum of a metric over its labels."""
        return sum(value for (_, value) in self._matching(name))

    def by_label(self, name: str, label: str) -> dict[str, float]:
        """A metric by the value of one label."""
        found: dict[str, float] = defaultdict(float)
        for labels, value in self._matching(name):
            found[dict(labels).get(label, "")] += value
        return dict(found)

    def quantiles(
        self, histogram: str, wanted: Iterable[float], since: Totals | None = None
    ) -> dict[float, float] | None:
        """Quantiles of a histogram, interpolated within its buckets; ``None`` where it is empty.

        What lies beyond the last bound is given as that bound. With ``since``, an earlier look, only what came after
        it counts, unless a process that begins anew has less to tell.
        """
        counts = self.by_label(f"{histogram}_bucket", "le")
        before = {} if since is None else since.by_label(f"{histogram}_bucket", "le")
        if all(count >= before.get(bound, 0.0) for bound, count in counts.items()):
            counts = {bound: count - before.get(bound, 0.0) for bound, count in counts.items()}
        buckets = sorted((float(bound), count) for bound, count in counts.items())
        if not buckets or not buckets[-1][1]:
            return None
        return {share: _quantile(buckets, share) for share in wanted}

    def _matching(self, name: str) -> Iterable[tuple[tuple[tuple[str, str], ...], float]]:
        for source in (self._before, self._now):
            for (metric, labels), value in source.items():
                if metric == name:
                    yield labels, value


def _quantile(buckets: list[tuple[float, float]], share: float) -> float:
    rank = share * buckets[-1][1]
    for (below, count_below), (bound, count) in pairwise([(0.0, 0.0), *buckets]):
        if count >= rank and count > count_below:
            if bound == float("inf"):
                return below
            return below + (bound - below) * (rank - count_below) / (count - count_below)
    return buckets[-1][0]
