"""The bounds of an outbox: what it may hold, how long it waits."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OutboxLimits:
    """Bounds of an outbox.

    Attributes:
        exposure: seconds after which an event that is not acknowledged is on disk: what a kill of the process can take.
        ack_timeout: seconds without acknowledgement after which a message is sent again.
        retry_wait: seconds before a refused message is sent again: the first time, and at most.
        in_flight: messages that may be unacknowledged at one time.
        in_flight_bytes: their bytes; below nats-py's buffer of 2 MiB, so that sending never waits for it.
        window: messages in memory that are sent or about to be; what is newer waits in the spool.
        window_bytes: their bytes.
        memory_bytes: bytes in memory altogether; only what the disk does not take can reach it. Beyond it, what is new
            is dropped.
        spool_bytes: bytes on disk.
        sync_interval: seconds between flushes of the spool to the medium: what a power loss can take of it.
    """

    exposure: float = 0.2
    ack_timeout: float = 2.0
    retry_wait: tuple[float, float] = (0.05, 5.0)
    in_flight: int = 2048
    in_flight_bytes: int = 1 << 20
    window: int = 8192
    window_bytes: int = 8 << 20
    memory_bytes: int = 32 << 20
    spool_bytes: int = 256 << 20
    sync_interval: float = 1.0
