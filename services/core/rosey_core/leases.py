"""What the workers of a pool keep in the bucket ``streams.LEASES``, and under which keys.

A worker holds a *session*, which it renews; what it claims names the session and holds as long as that does. A channel
takes a *claim*, and a *place* among the connections that a CyTube server allows the worker's address. *Turns* pace
what the server allows an address in a time.
"""

from __future__ import annotations

import functools
import hashlib
import re
from typing import Final

import msgspec
from msgspec import Struct

_SESSION: Final = "worker"
_CLAIM: Final = "channel"
_PLACE: Final = "place"
_TURN: Final = "turn"
_NAME: Final = re.compile(r"[^a-zA-Z0-9_-]+")


class Session(Struct, frozen=True, kw_only=True):
    """A worker's session, renewed with a higher ``beat`` each time.

    Attributes:
        worker: what the worker is called.
        group: workers of one group come from one address, as CyTube sees it.
        ttl: seconds without a renewal after which others end the session.
        beat: counts the renewals.
        draining: whether the worker is about to go, and takes nothing more.
    """

    worker: str
    group: str
    ttl: float
    beat: int
    draining: bool = False


class Claim(Struct, frozen=True, kw_only=True):
    """A channel's claim.

    Attributes:
        session: whose it is.
        worker: what that worker is called.
    """

    session: str
    worker: str


class Place(Struct, frozen=True, kw_only=True):
    """One of the connections that a server allows an address.

    Attributes:
        session: whose it is.
        channel: the key of the channel that it is for.
    """

    session: str
    channel: str


class Turn(Struct, frozen=True, kw_only=True):
    """How many turns were left when the last was taken: more grow with the time since then.

    Attributes:
        level: turns.
    """

    level: float


class Garbage(Struct, frozen=True):
    """What stands under a key and is nothing that this version knows."""


Record = Session | Claim | Place | Turn | Garbage
_TYPES: Final[dict[str, type[Record]]] = {_SESSION: Session, _CLAIM: Claim, _PLACE: Place, _TURN: Turn}


def session_key(session: str) -> str:
    """Where a session stands."""
    return f"{_SESSION}.{session}"


def is_session_key(key: str) -> bool:
    """Whether a session stands there, or stood there."""
    return parse_key(key)[0] == _SESSION


def claim_key(channel: str) -> str:
    """Where a channel's claim stands."""
    return f"{_CLAIM}.{channel}"


def place_key(budget: str, number: int) -> str:
    """Where one place of a budget stands."""
    return f"{_PLACE}.{budget}.{number}"


def turn_key(budget: str, kind: str) -> str:
    """Where the turns of a kind stand that a budget has."""
    return f"{_TURN}.{budget}.{kind}"


@functools.cache
def budget_of(host: str, group: str) -> str:
    """The name of what the server ``host`` allows the addresses of ``group``, as it stands in keys."""
    return hashlib.sha256(f"{host}\n{group}".encode()).hexdigest()[:16]


def session_name(worker: str, suffix: str) -> str:
    """A session's name, as it stands in keys: ``suffix`` makes it the only one of this name for ever."""
    return f"{_NAME.sub('-', worker)[:64]}-{suffix}"


def parse_key(key: str) -> tuple[str, ...]:
    """A key's kind and what follows it; ``("",)`` where it is none that this version knows."""
    kind, *rest = key.split(".")
    expected = {_SESSION: 1, _CLAIM: 1, _PLACE: 2, _TURN: 2}.get(kind)
    if expected != len(rest) or (kind == _PLACE and not rest[1].isdecimal()):
        return ("",)
    return (kind, *rest)


def encode(record: Record) -> bytes:
    """A record as it is stored."""
    return msgspec.json.encode(record)


def decode(key: str, payload: bytes) -> Record:
    """What is stored under ``key``."""
    try:
        return msgspec.json.decode(payload, type=_TYPES[parse_key(key)[0]])
    except (KeyError, msgspec.MsgspecError, ValueError):
        return Garbage()
