"""The bot's metrics: what its channels and its outbox tell, in Prometheus' terms."""

from __future__ import annotations

from collections import Counter as Counting
from collections.abc import Callable, Iterable, Mapping
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter

from rosey_bot.channels.channel import Channel
from rosey_bot.cytube.budget import WaitKind
from rosey_bot.cytube.frames import NAMES
from rosey_bot.pool.worker import PoolWorker
from rosey_bot.publish.outbox import Outbox
from rosey_bot.tracing import BotTracing
from rosey_core.telemetry.metrics_bot import BotMetrics, PoolMetrics
from rosey_core.telemetry.tracing import exemplar

WAITS: Final = get_args(WaitKind)
MOST_PUT_OFF: Final = 1000
"""Acknowledgements, and kinds of frames, that are not counted yet."""


class BotTelemetry:
    """A ``ChannelObserver`` that counts, and traces where that is wanted.

    Args:
        registry: where the metrics go.
        tracing: makes the traces.
    """

    def __init__(self, registry: CollectorRegistry, tracing: BotTracing | None = None) -> None:
        self._tracing: Final = tracing
        self._metrics: Final = BotMetrics(registry, NAMES)
        self._registry: Final = registry
        self._pool: PoolMetrics | None = None
        self._seen: dict[str, int] = {}
        self._frames: Counting[tuple[str, str]] = Counting()
        self._acknowledgements: list[tuple[float, float]] = []
        self._metrics.backlog.before_reading(self._count)

    def frame(self, channel: str, name: str) -> Callable[[], None] | None:
        """A frame came; what this returns, if anything, is called when it has been dealt with."""
        self._frames[channel, name] += 1
        if len(self._frames) >= MOST_PUT_OFF:
            # Names of frames come from outside.
            self._count()
        return None if self._tracing is None else self._tracing.frame(channel, name)

    def connected(self, channel: str, is_connected: bool) -> None:
        """The bot entered the room, or is in it no more."""
        self._metrics.connected[channel].set(is_connected)

    def connection_ended(self, channel: str, cause: str) -> None:
        """A connection ended, or could not be made."""
        self._metrics.reconnects[channel, cause].inc()

    def command_begins(self, name: str) -> None:
        """A command is about to be carried out in this task."""
        if self._tracing is not None:
            self._tracing.command_begins(name)

    def command(self, name: str, outcome: str, seconds: float) -> None:
        """A command was carried out."""
        self._metrics.commands[name, outcome].inc()
        self._metrics.command_seconds[name].observe(seconds, exemplar())
        if self._tracing is not None:
            self._tracing.command(outcome)

    def answered(self) -> None:
        """A command's answer is with CyTube."""
        if self._tracing is not None:
            self._tracing.answered()

    def throttled(self, seconds: float) -> None:
        """A message waited for CyTube's rate limit."""
        self._metrics.throttle_wait_seconds.observe(seconds)

    def plugin_failed(self, plugin: str, reason: str) -> None:
        """A plugin did something wrong."""
        self._metrics.plugin_failures[plugin, reason].inc()

    def acknowledged(self, waited: float, seconds: float) -> None:
        """An event was acknowledged, so long after it was sent, before which it waited in the outbox."""
        self._acknowledgements.append((waited, seconds))
        if len(self._acknowledgements) >= MOST_PUT_OFF:
            self._count()

    def read_waits(self, waits: Mapping[str, int]) -> None:
        """Take over how many channels wait, by what they wait for."""
        for kind in WAITS:
            self._metrics.waiting_channels[kind].set(waits.get(kind, 0))

    def read_rooms(self, channels: Iterable[Channel]) -> None:
        """Take over how the rooms are now, of a bot that never came into one, too; channels that are gone go here."""
        metrics, keys = self._metrics, set()
        for channel in channels:
            keys.add(channel.key)
            room = channel.room
            metrics.connected[channel.key].set(channel.joined_since is not None)
            metrics.room_users[channel.key].set(room.chat_count)
            metrics.room_connections[channel.key].set(room.connected_count or 0)
            metrics.room_playing[channel.key].set(room.media is not None)
            metrics.room_playlist[channel.key].set(len(room.playlist))
        for gauge in (
            metrics.connected,
            metrics.room_users,
            metrics.room_connections,
            metrics.room_playing,
            metrics.room_playlist,
        ):
            gauge.keep(keys)

    def read_pool(self, pool: PoolWorker) -> None:
        """Take over how the pool is, and what this bot did in it since the last time."""
        metrics = self._pool = self._pool or PoolMetrics(self._registry)
        member = pool.member
        metrics.held.set(len(pool.held))
        metrics.unheld.set(len(pool.unheld))
        metrics.workers.set(len(member.view.sessions))
        metrics.lease.set(pool.problem is None)
        self._raise_to("lapses", metrics.lapses, pool.lapses)
        self._raise_to("takeovers", metrics.takeovers, member.takeovers)
        self._raise_to("moves", metrics.moves, member.moves)

    def read_outbox(self, outbox: Outbox) -> None:
        """Take over how the outbox is, and what it has counted since the last time."""
        statistics = outbox.statistics
        self._metrics.outbox_depth.set(outbox.backlog)
        self._metrics.outbox_in_flight.set(outbox.in_flight)
        self._metrics.outbox_age.set(outbox.oldest_age)
        self._metrics.spool_size.set(outbox.spool_bytes)
        self._metrics.spool_limit.set(outbox.spool_limit)
        self._raise_to("invalid", self._metrics.events_invalid, statistics.invalid)
        self._raise_to("acked", self._metrics.events_published, statistics.acked)
        self._raise_to("retried", self._metrics.outbox_retried, statistics.retried)
        self._raise_to("spooled", self._metrics.outbox_spooled, statistics.spooled)
        self._raise_to("dropped", self._metrics.outbox_dropped, statistics.dropped)

    def _count(self) -> None:
        frames, self._frames = self._frames, Counting()
        for key, count in frames.items():
            self._metrics.frames[key].inc(count)
        told, self._acknowledgements = self._acknowledgements, []
        self._metrics.outbox_seconds.observe_all([waited for waited, _ in told])
        self._metrics.ack_seconds.observe_all([seconds for _, seconds in told])

    def _raise_to(self, name: str, counter: Counter, total: int) -> None:
        counter.inc(max(total - self._seen.get(name, 0), 0))
        self._seen[name] = total
