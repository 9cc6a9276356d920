"""The streams and key-value buckets that Rosey keeps in JetStream, from one definition.

The database service makes them (``ensure``, ``ensure_buckets``); others wait until they are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import nats.errors
from nats.aio.client import Client
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import APIError, NotFoundError, ServiceUnavailableError

from rosey_core import subjects
from rosey_core.bus import server_problem

EVENTS: Final = "ROSEY_EVENTS"
DEAD_LETTERS: Final = "ROSEY_DLQ"

ADDED_CHANNELS: Final = "ROSEY_CHANNELS"
"""The bucket of the channels that were added at run time: by the channel's key, see ``channel_entries``."""
CHANNEL_STATUS: Final = "ROSEY_CHANNEL_STATUS"
"""The bucket of what the bots tell of their channels: by the channel's key, see ``channel_status``."""
CHANNEL_MANNERS: Final = "ROSEY_CHANNEL_MANNERS"
"""The bucket of how moderators want the bot to behave, by the channel's key: it holds for whichever bot sits there."""
LEASES: Final = "ROSEY_LEASES"
"""The bucket of what the workers of a pool hold, see ``leases``."""
STATUS_AGE: Final = 60.0
"""Seconds after which a status is gone that no bot repeats."""

NO_JETSTREAM: Final = "this nats-server has no JetStream: start it with --jetstream (-js) and a store directory"

DUPLICATE_WINDOW: Final = 120.0
"""Seconds in which NATS itself drops a second message of one ``Nats-Msg-Id``; beyond it the database does."""

_BUCKET_BYTES: Final = 16 << 20
_BUCKET_VALUE_BYTES: Final = 16 << 10


class StreamUnavailable(Exception):
    """JetStream cannot be used now; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class StreamLimits:
    """How much the streams may hold: always bounded.

    Attributes:
        max_age: seconds that an event is kept.
        max_bytes: bytes of the event stream.
        dead_letter_bytes: bytes of the dead letters' stream.
        replicas: copies in a cluster of NATS servers.
    """

    max_age: float = 7 * 24 * 3600
    max_bytes: int = 1 << 30
    dead_letter_bytes: int = 64 << 20
    replicas: int = 1


def event_stream(limits: StreamLimits) -> StreamConfig:
    """The log of all events; requests are not in it, since JetStream would answer them with its ack."""
    return StreamConfig(
        name=EVENTS,
        description="Every event that Rosey's bots publish",
        subjects=subjects.event_patterns(),
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_age=limits.max_age,
        max_bytes=limits.max_bytes,
        duplicate_window=min(DUPLICATE_WINDOW, limits.max_age),
        num_replicas=limits.replicas,
        allow_direct=True,
    )


def dead_letter_stream(limits: StreamLimits) -> StreamConfig:
    """The events that could not be stored, each with its reason."""
    return StreamConfig(
        name=DEAD_LETTERS,
        description="Events that the database service could not store, with the reason in headers",
        subjects=[f"{subjects.DEAD_LETTERS}.>"],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_age=4 * limits.max_age,
        max_bytes=limits.dead_letter_bytes,
        duplicate_window=min(DUPLICATE_WINDOW, limits.max_age),
        num_replicas=limits.replicas,
        allow_direct=True,
    )


def added_channels_bucket(limits: StreamLimits) -> StreamConfig:
    """What was added at run time lasts until it is removed."""
    return _bucket(ADDED_CHANNELS, "Channels that were added at run time", limits, max_age=0)


def channel_status_bucket(limits: StreamLimits) -> StreamConfig:
    """What no bot repeats is gone after a while."""
    return _bucket(CHANNEL_STATUS, "How channels fare", limits, max_age=STATUS_AGE)


def channel_manners_bucket(limits: StreamLimits) -> StreamConfig:
    """What moderators said holds until they say otherwise."""
    return _bucket(CHANNEL_MANNERS, "How moderators want bots to behave", limits, max_age=0)


def leases_bucket(limits: StreamLimits) -> StreamConfig:
    """What is held lasts until it is let go; a mark of what was deleted may be given a time after which it goes."""
    config = _bucket(LEASES, "What the workers of a pool hold", limits, max_age=0)
    config.allow_msg_ttl = True
    return config


def _bucket(name: str, description: str, limits: StreamLimits, *, max_age: float) -> StreamConfig:
    """A key-value bucket as every NATS client knows it: a stream by convention, which can be brought to its limits."""
    return StreamConfig(
        name=f"KV_{name}",
        description=description,
        subjects=[f"$KV.{name}.>"],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.NEW,
        max_msgs_per_subject=1,
        max_msg_size=_BUCKET_VALUE_BYTES,
        max_bytes=_BUCKET_BYTES,
        max_age=max_age,
        duplicate_window=min(DUPLICATE_WINDOW, max_age or DUPLICATE_WINDOW),
        num_replicas=limits.replicas,
        allow_rollup_hdrs=True,
        deny_delete=True,
        allow_direct=True,
    )


async def ensure_buckets(client: Client, limits: StreamLimits) -> None:
    """Make the key-value buckets, or bring them to these limits.

    Raises:
        StreamUnavailable: the server is too old, has no JetStream, or refuses.
    """
    problem = server_problem(client)
    if problem is not None:
        raise StreamUnavailable(problem)
    await _ensure_one(client, added_channels_bucket(limits))
    await _ensure_one(client, channel_status_bucket(limits))
    await _ensure_one(client, channel_manners_bucket(limits))
    await _ensure_one(client, leases_bucket(limits))


async def ensure(client: Client, limits: StreamLimits) -> StreamInfo:
    """Make the streams, or bring them to these limits; returns the event stream's info.

    Raises:
        StreamUnavailable: the server is too old, has no JetStream, or refuses.
    """
    problem = server_problem(client)
    if problem is not None:
        raise StreamUnavailable(problem)
    await _ensure_one(client, dead_letter_stream(limits))
    return await _ensure_one(client, event_stream(limits))


async def _ensure_one(client: Client, config: StreamConfig) -> StreamInfo:
    manager = client.jsm()
    try:
        try:
            return await manager.update_stream(config)
        except NotFoundError:
            return await manager.add_stream(config)
    except ServiceUnavailableError:
        raise StreamUnavailable(NO_JETSTREAM) from None
    except APIError as error:
        raise StreamUnavailable(f"stream {config.name}: {error.description}") from None
    except (nats.errors.NoRespondersError, nats.errors.TimeoutError, TimeoutError):
        raise StreamUnavailable("JetStream does not answer: is it enabled on this nats-server (-js)?") from None
    except nats.errors.Error as error:
        raise StreamUnavailable(f"stream {config.name}: {error}") from None
