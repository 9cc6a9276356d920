"""One thing that somebody is going to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rosey_simulator.crowd.population import Person


class Kind(StrEnum):
    """What people do, with the keys of `Action.detail` that say how."""

    COME = "come"  # name ("" for a lurker), late (joins first and logs in then)
    GO = "go"
    SAY = "say"  # text, slash commands included
    QUEUE = "queue"  # the queue frame of a client
    SKIP = "skip"
    REMOVE = "remove"  # place
    MOVE = "move"  # place, to
    JUMP = "jump"  # place
    KEEP = "keep"  # place, temp
    VOTE_SKIP = "vote skip"
    SHUFFLE = "shuffle"
    CLEAR_PLAYLIST = "clear playlist"
    LOCK = "lock"
    COMMAND = "command"  # text, for the bot in private


@dataclass(frozen=True, slots=True)
class Action:
    """`at` is in milliseconds since the crowd began; a place is a share of the playlist's length, from 0 to 1."""

    at: int
    room: str
    kind: Kind
    person: Person
    detail: Mapping[str, Any] = field(default_factory=dict)
