"""Every Prometheus metric of Rosey: names ``rosey_<service>_<what>_<unit>``, labels bounded, times in seconds.

A service makes the group that is its own on its process's registry, and hands it to its edges. A label is a channel's
key, a subject's template or one of a few words that the code knows; never a user's name, nor anything else that a
stranger can make up.
"""

from __future__ import annotations

import platform
from bisect import bisect_left
from collections.abc import Collection, Iterable
from typing import Final, Generic, TypeVar

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

LATENCY_BUCKETS: Final = (
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
"""Seconds: half a millisecond to ten seconds, closest around the promised 5 and 10 ms."""
SIZE_BUCKETS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Events in a batch."""

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


class BatchHistogram(Histogram):
    """A histogram without labels that takes many amounts at once: a fifth of the cost of one by one."""

    def observe_all(self, amounts: Iterable[float]) -> None:
        """As ``observe`` of each."""
        total = 0.0
        counts = [0] * len(self._buckets)
        for amount in amounts:
            total += amount
            counts[bisect_left(self._upper_bounds, amount)] += 1
        self._sum.inc(total)
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


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
    """What each process tells of its connection to NATS."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.connected = Gauge("rosey_bus_connected", "1 while connected to NATS.", registry=registry)
        self.reconnects = Counter("rosey_bus_reconnects", "Connections to NATS made anew.", registry=registry)
        self.clients_rebuilt = Counter(
            "rosey_bus_clients_rebuilt", "NATS clients that had closed for good and were replaced.", registry=registry
        )
        self.errors = Children(
            Counter("rosey_bus_errors", "Errors that the NATS client reported.", ["kind"], registry=registry)
        )
        self.requests = Children(
            Counter("rosey_bus_requests", "Requests sent.", ["subject", "outcome"], registry=registry)
        )
        self.request_seconds = Children(
            Histogram(
                "rosey_bus_request_seconds",
                "Time from a request to its answer.",
                ["subject"],
                buckets=LATENCY_BUCKETS,
                registry=registry,
            )
        )


class DatabaseMetrics:
    """What the DatabaseService tells."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events_stored = Children(
            Counter("rosey_database_events_stored", "Events committed.", ["subject"], registry=registry)
        )
        self.events_rejected = Children(
            Counter(
                "rosey_database_events_rejected",
                "Events that went to the dead letters.",
                ["subject", "reason"],
                registry=registry,
            )
        )
        self.duplicates_ignored = Children(
            Counter("rosey_database_duplicates_ignored", "Events stored before.", ["subject"], registry=registry)
        )
        self.future_timestamps = Counter(
            "rosey_database_future_timestamps", "Events whose time lay too far ahead, corrected.", registry=registry
        )
        self.batch_size = Histogram(
            "rosey_database_batch_size_events", "Events in a transaction.", buckets=SIZE_BUCKETS, registry=registry
        )
        self.commit_seconds = Histogram(
            "rosey_database_commit_seconds",
            "Time of a batch's transaction.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.frame_to_row_seconds = BatchHistogram(
            "rosey_database_frame_to_row_seconds",
            "Time from an event at CyTube to its committed row.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.publish_to_row_seconds = BatchHistogram(
            "rosey_database_publish_to_row_seconds",
            "Time from an event's arrival in the stream to its committed row.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.ingest_lag = Gauge(
            "rosey_database_ingest_lag_messages", "Events in the stream and not yet stored.", registry=registry
        )
        self.gap = Counter(
            "rosey_database_gap_messages", "Events gone from the stream before they were stored.", registry=registry
        )
        self.stored_position = Gauge(
            "rosey_database_stored_position", "The stream sequence up to which events are stored.", registry=registry
        )
        self.consumer_restarts = Children(
            Counter("rosey_database_consumer_restarts", "Consumers made anew.", ["reason"], registry=registry)
        )
        self.standby = Gauge("rosey_database_standby", "1 while another instance does the work.", registry=registry)
        self.requests = Children(
            Counter("rosey_database_requests", "Requests answered.", ["subject", "outcome"], registry=registry)
        )
        self.request_seconds = Children(
            Histogram(
                "rosey_database_request_seconds",
                "Time from a request's arrival to its answer.",
                ["subject"],
                buckets=LATENCY_BUCKETS,
                registry=registry,
            )
        )
        self.bad_requests = Children(
            Counter("rosey_database_bad_requests", "Requests that could not be read.", ["subject"], registry=registry)
        )
        self.size = Gauge("rosey_database_size_bytes", "Size of the database.", registry=registry)


class BotMetrics:
    """What the bot tells.

    Args:
        frames: the names of the CyTube frames that the bot knows; any other is counted as ``other``.
    """

    def __init__(self, registry: CollectorRegistry, frames: Collection[str]) -> None:
        self.frames = Children(
            Counter("rosey_bot_frames", "Frames received from CyTube.", ["channel", "event"], registry=registry),
            known=frames,
        )
        self.connected = Children(
            Gauge("rosey_bot_connected", "1 while the bot is in the room.", ["channel"], registry=registry)
        )
        self.reconnects = Children(
            Counter("rosey_bot_reconnects", "Connections to CyTube lost.", ["channel", "reason"], registry=registry)
        )
        self.waiting_channels = Children(
            Gauge(
                "rosey_bot_waiting_channels",
                "Channels that wait for their turn with CyTube, or to try again.",
                ["reason"],
                registry=registry,
            )
        )
        self.events_published = Counter(
            "rosey_bot_events_published", "Events that the stream confirmed.", registry=registry
        )
        self.outbox_depth = Gauge(
            "rosey_bot_outbox_depth_messages", "Events held and not yet confirmed.", registry=registry
        )
        self.outbox_retried = Counter("rosey_bot_outbox_retried", "Publishes sent once more.", registry=registry)
        self.outbox_spooled = Counter("rosey_bot_outbox_spooled", "Events written to the spool.", registry=registry)
        self.outbox_dropped = Counter(
            "rosey_bot_outbox_dropped", "Events lost because outbox and spool were full.", registry=registry
        )
        self.ack_seconds = Histogram(
            "rosey_bot_ack_seconds",
            "Time from a publish to the stream's confirmation.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.commands = Children(
            Counter("rosey_bot_commands", "Commands obeyed.", ["command", "outcome"], registry=registry)
        )
        self.command_seconds = Children(
            Histogram(
                "rosey_bot_command_seconds",
                "Time from a command to its answer.",
                ["command"],
                buckets=LATENCY_BUCKETS,
                registry=registry,
            )
        )
        self.plugin_failures = Children(
            Counter("rosey_bot_plugin_failures", "What plugins did wrong.", ["plugin", "reason"], registry=registry)
        )
        self.throttle_wait_seconds = Histogram(
            "rosey_bot_throttle_wait_seconds",
            "Time that messages waited for CyTube's rate limit.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )


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
