"""The streams that Rosey keeps in JetStream, from one definition.

The database service makes them (``ensure``); others wait until they are there.
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

DUPLICATE_WINDOW: Final = 120.0
"""Seconds in which NATS itself drops a second message of one ``Nats-Msg-Id``; beyond it the database does."""


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
        raise StreamUnavailable(
            "this nats-server has no JetStream: start it with --jetstream (-js) and a store directory"
        ) from None
    except APIError as error:
        raise StreamUnavailable(f"stream {config.name}: {error.description}") from None
    except (nats.errors.NoRespondersError, nats.errors.TimeoutError, TimeoutError):
        raise StreamUnavailable("JetStream does not answer: is it enabled on this nats-server (-js)?") from None
    except nats.errors.Error as error:
        raise StreamUnavailable(f"stream {config.name}: {error}") from None
