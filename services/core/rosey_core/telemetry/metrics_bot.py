"""The metrics of the bot."""

from __future__ import annotations

from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from rosey_core.telemetry.metrics import LATENCY_BUCKETS, Backlog, BatchHistogram, Children


class PoolMetrics:
    """What a bot tells of the pool that it is in; without a pool, nothing."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.held = Gauge("rosey_bot_pool_channels", "Channels that this bot holds in its pool.", registry=registry)
        self.unheld = Gauge(
            "rosey_bot_pool_unheld_channels",
            "Channels that no bot of the pool holds, as this bot sees it.",
            registry=registry,
        )
        self.workers = Gauge(
            "rosey_bot_pool_workers", "Bots of the pool that live, as this bot sees it.", registry=registry
        )
        self.lease = Gauge(
            "rosey_bot_pool_lease_valid", "1 while this bot's lease holds, and it acts.", registry=registry
        )
        self.lapses = Counter(
            "rosey_bot_pool_lapses", "Times that this bot's lease ran out, and it fell silent.", registry=registry
        )
        self.takeovers = Counter(
            "rosey_bot_pool_takeovers", "Bots of the pool that this bot found dead.", registry=registry
        )
        self.moves = Counter(
            "rosey_bot_pool_moves", "Channels that this bot gave another for evenness.", registry=registry
        )


class BotMetrics:
    """What the bot tells.

    Args:
        frames: the names of the CyTube frames that the bot knows; any other is counted as ``other``.
    """

    def __init__(self, registry: CollectorRegistry, frames: Collection[str]) -> None:
        self.backlog = Backlog(registry)
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
        self.room_users = Children(
            Gauge("rosey_bot_room_users", "Users with a name in the room.", ["channel"], registry=registry)
        )
        self.room_connections = Children(
            Gauge(
                "rosey_bot_room_connections",
                "Connections to the room as CyTube counts them, those without a name, too.",
                ["channel"],
                registry=registry,
            )
        )
        self.room_playing = Children(
            Gauge("rosey_bot_room_playing", "1 while something plays.", ["channel"], registry=registry)
        )
        self.room_playlist = Children(
            Gauge("rosey_bot_room_playlist_items", "Items of the playlist.", ["channel"], registry=registry)
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
        self.outbox_in_flight = Gauge(
            "rosey_bot_outbox_in_flight_messages", "Events sent and not yet confirmed.", registry=registry
        )
        self.outbox_age = Gauge(
            "rosey_bot_outbox_oldest_age_seconds",
            "Time that the oldest event in the outbox's memory has waited.",
            registry=registry,
        )
        self.spool_size = Gauge("rosey_bot_spool_size_bytes", "Bytes in the spool.", registry=registry)
        self.spool_limit = Gauge("rosey_bot_spool_limit_bytes", "Bytes that the spool may have.", registry=registry)
        self.events_invalid = Counter(
            "rosey_bot_events_invalid", "Events that could not be encoded, and are lost.", registry=registry
        )
        self.outbox_retried = Counter("rosey_bot_outbox_retried", "Publishes sent once more.", registry=registry)
        self.outbox_spooled = Counter("rosey_bot_outbox_spooled", "Events written to the spool.", registry=registry)
        self.outbox_dropped = Counter(
            "rosey_bot_outbox_dropped", "Events lost because outbox and spool were full.", registry=registry
        )
        self.outbox_seconds = BatchHistogram(
            "rosey_bot_outbox_seconds",
            "Time from an event to its sending: in the outbox, the spool included; where sent again, the last time.",
            buckets=LATENCY_BUCKETS,
            registry=registry,
        )
        self.ack_seconds = BatchHistogram(
            "rosey_bot_ack_seconds",
            "Time from an event's sending to the stream's confirmation.",
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
