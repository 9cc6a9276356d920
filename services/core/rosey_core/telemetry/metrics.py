"""What all Prometheus metrics have in common: names ``rosey_<service>_<what>_<unit>``, bounded labels, seconds.

A service makes the group that is its own (``metrics_bot``, ``metrics_database``) on its process's registry, and hands
it to its edges. A label is a channel's key, a subject's template or one of a few words that the code knows; never a
user's name, nor anything else that a stranger can make up.
"""

from __future__ import annotations

import platform
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar, Sample

if TYPE_CHECKING:
    # Nothing of NATS is needed to count.
    from rosey_core.bus import Bus

LATENCY_BUCKETS: Final = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""Seconds: half a millisecond to ten seconds, closest around the promised 5 and 10 ms."""

MOST_WAITING: Final = 1000
"""Amounts of a ``BatchHistogram`` that are not counted yet."""
OTHER: Final = "other"
"""The label of whatever is not known by name."""

_M = TypeVar("_M", bound=MetricWrapperBase)


class Children(dict[str | tuple[str, ...], _M], Generic[_M]):
    """The children of a metric with labels, by their values: ``children["lobby", "chatMsg"].inc()``.

    A hit is one dictionary look-up, which takes a fraction of ``labels()``.

    Args:
        family: the metric with labels.
        known: the values that the last label may have; any other becomes ``other``. For values that come from outside.
    """

    def __init__(self, family: _M, known: Collection[str] | None = None) -> None:
        super().__init__()
        self._family = family
        self._known = None if known is None else frozenset(known)

    def __missing__(self, key: str | tuple[str, ...]) -> _M:
        labels = (key,) if isinstance(key, str) else key
        if self._known is not None and labels[-1] not in self._known:
            # Not kept under its own name: names from outside would fill the memory.
            labels = (*labels[:-1], OTHER)
            return self._family.labels(*labels)
        child = self[key] = self._family.labels(*labels)
        return child

    def keep(self, keys: Collection[str | tuple[str, ...]]) -> None:
        """Forget the children of all other keys: what they told last would be taken for what is."""
        for key in [key for key in self if key not in keys]:
            del self[key]
            self._family.remove(*([key] if isinstance(key, str) else key))


class Backlog:
    """Counting that is put off until somebody reads: many together cost a fraction of one by one.

    Where something happens a thousand times a second, and other work between, what counts it is never in the
    processor's cache: it takes five times as long as when it is done at a stretch.

    Args:
        registry: whose readers see what is counted, if this is made before the metrics into which it is.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._put_off: list[Callable[[], None]] = []
        registry.register(self)

    def before_reading(self, count: Callable[[], None]) -> None:
        """Have ``count`` called before anything is read."""
        self._put_off.append(count)

    def describe(self) -> Iterable[Metric]:
        """Nothing: it has no metrics of its own."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Count, and tell nothing more."""
        for count in self._put_off:
            count()
        return ()


class BatchHistogram(Histogram):
    """A histogram without labels that takes many amounts at once: a tenth of the cost of one by one.

    They are counted when somebody reads, or when many wait: where batches are of one, counting costs more than it.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._waiting: list[float] = []
        super().__init__(*arguments, **options)

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """Take one amount."""
        self.observe_all((amount,))
        if exemplar is not None:
            self.exemplify(amount, exemplar)

    def observe_all(self, amounts: Iterable[float]) -> None:
        """As ``observe`` of each."""
        self._waiting.extend(amounts)
        if len(self._waiting) >= MOST_WAITING:
            self._count()

    def _count(self) -> None:
        amounts, self._waiting = self._waiting, []
        amounts.sort()
        self._sum.inc(sum(amounts))
        counted = 0
        for bucket, bound in zip(self._buckets, self._upper_bounds, strict=True):
            within = bisect_right(amounts, bound, counted)
            if within > counted:
                bucket.inc(within - counted)
            counted = within

    def _child_samples(self) -> Iterable[Sample]:
        self._count()
        return super()._child_samples()

    def exemplify(self, amount: float, labels: Mapping[str, str]) -> None:
        """Show this one of the observed amounts as an exemplar, with these labels, such as its trace's id."""
        bucket = self._buckets[bisect_left(self._upper_bounds, amount)]
        bucket.set_exemplar(Exemplar(dict(labels), amount, time.time()))


class ConfigurationMetrics:
    """What each process tells of its configuration."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.reloads = Children(
            Counter(
                "rosey_configuration_reloads",
                "Times that the configuration was read again: applied, refused or failed.",
                ["outcome"],
                registry=registry,
            )
        )
        self.in_force = Gauge(
            "rosey_configuration_in_force", "0 while the file is broken and an older one applies.", registry=registry
        )
        self.in_force.set(1)


class BusMetrics:
    """What each process tells of its connection to NATS.

    Args:
        bus: the connection; where it is not given, nobody keeps the figures up to date.
    """

    def __init__(self, registry: CollectorRegistry, bus: Bus | None = None) -> None:
        self.connected = Gauge("rosey_bus_connected", "1 while connected to NATS.", registry=registry)
        self.reconnects = Counter("rosey_bus_reconnects", "Connections to NATS made anew.", registry=registry)
        self._connections = 0
        if bus is not None:
            bus.on_connected(self._gained)
            bus.on_disconnected(lambda: self.connected.set(0))

    async def _gained(self, client: object) -> None:
        self.connected.set(1)
        if self._connections:
            self.reconnects.inc()
        self._connections += 1


def new_registry(service: str, version: str) -> CollectorRegistry:
    """A process's registry, with its build, memory, CPU and garbage collection already in it."""
    # `_created` series double the output, and nothing reads them.
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    GCCollector(registry=registry)
    Info("rosey_build", "What runs here.", registry=registry).info(
        {"service": service, "version": version, "python": platform.python_version()}
    )
    return registry


def exposition(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The metrics as a scraper with this ``Accept`` header wants them, and their content type.

    OpenMetrics where it is asked for: only it carries exemplars.
    """
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type
