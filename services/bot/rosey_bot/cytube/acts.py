"""What can be asked of CyTube, each as the frame that asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Act:
    """Something that the bot asks of CyTube.

    Attributes:
        event: the Socket.IO event.
        needs_lookup: whether CyTube asks other sites before it answers.
        is_chat: whether it counts against the rate limit of chat.
    """

    event: ClassVar[str] = "chatMsg"
    needs_lookup: ClassVar[bool] = False
    is_chat: ClassVar[bool] = False

    @property
    def arguments(self) -> Any:
        """The event's argument; ``None`` for none."""
        return None


@dataclass(frozen=True, slots=True)
class Say(Act):
    """A line of chat."""

    is_chat: ClassVar[bool] = True
    text: str

    @property
    def arguments(self) -> Any:
        """The line as typed."""
        return {"msg": self.text, "meta": {}}


@dataclass(frozen=True, slots=True)
class Whisper(Act):
    """A private message."""

    event: ClassVar[str] = "pm"
    is_chat: ClassVar[bool] = True
    to: str
    text: str

    @property
    def arguments(self) -> Any:
        """Whom to, and what."""
        return {"to": self.to, "msg": self.text, "meta": {}}


@dataclass(frozen=True, slots=True)
class ToggleAfk(Act):
    """``/afk``, which turns AFK into its contrary: ``afk`` is what it will then be."""

    is_chat: ClassVar[bool] = True
    afk: bool

    @property
    def arguments(self) -> Any:
        """The command in chat."""
        return {"msg": "/afk", "meta": {}}


@dataclass(frozen=True, slots=True)
class ClearTheChat(Act):
    """``/clear``."""

    is_chat: ClassVar[bool] = True

    @property
    def arguments(self) -> Any:
        """The command in chat."""
        return {"msg": "/clear", "meta": {}}


@dataclass(frozen=True, slots=True)
class KickUser(Act):
    """``/kick``."""

    is_chat: ClassVar[bool] = True
    name: str
    reason: str = ""

    @property
    def arguments(self) -> Any:
        """The command in chat."""
        return {"msg": f"/kick {self.name} {self.reason}".strip(), "meta": {}}


@dataclass(frozen=True, slots=True)
class Enqueue(Act):
    """Put a medium at the end of the playlist; ``duration`` (seconds) counts for live media alone."""

    event: ClassVar[str] = "queue"
    needs_lookup: ClassVar[bool] = True
    type: str
    id: str
    temp: bool = True
    duration: int | None = None

    @property
    def arguments(self) -> Any:
        """The medium, and where to put it."""
        length = {} if self.duration is None else {"duration": self.duration}
        return {"id": self.id, "type": self.type, "pos": "end", "temp": self.temp, **length}


@dataclass(frozen=True, slots=True)
class Delete(Act):
    """Take an item off the playlist."""

    event: ClassVar[str] = "delete"
    uid: int

    @property
    def arguments(self) -> Any:
        """The bare number: CyTube ignores an object (PROTOCOL.md 8)."""
        return self.uid


@dataclass(frozen=True, slots=True)
class Move(Act):
    """Put an item behind another one, or first (``prepend``)."""

    event: ClassVar[str] = "moveMedia"
    uid: int
    after: int | str

    @property
    def arguments(self) -> Any:
        """Which item, and behind which."""
        return {"from": self.uid, "after": self.after}


@dataclass(frozen=True, slots=True)
class Jump(Act):
    """Play an item now."""

    event: ClassVar[str] = "jumpTo"
    uid: int

    @property
    def arguments(self) -> Any:
        """The bare number."""
        return self.uid


@dataclass(frozen=True, slots=True)
class PlayNext(Act):
    """End what plays; ``uid`` is the item that plays now."""

    event: ClassVar[str] = "playNext"
    uid: int | None


@dataclass(frozen=True, slots=True)
class AssignLeader(Act):
    """Make a user lead playback, nobody for an empty name; CyTube kicks who may not (PROTOCOL.md 4)."""

    event: ClassVar[str] = "assignLeader"
    name: str

    @property
    def arguments(self) -> Any:
        """Whom, in the exact spelling."""
        return {"name": self.name}


@dataclass(frozen=True, slots=True)
class LeadPlayback(Act):
    """As the leader, say where the medium stands (``position`` in seconds) and whether it is paused."""

    event: ClassVar[str] = "mediaUpdate"
    id: str
    type: str
    position: float
    paused: bool

    @property
    def arguments(self) -> Any:
        """Where it stands."""
        return {"id": self.id, "type": self.type, "currentTime": self.position, "paused": self.paused}


@dataclass(frozen=True, slots=True)
class VoteSkip(Act):
    """Vote for skipping what plays."""

    event: ClassVar[str] = "voteskip"
