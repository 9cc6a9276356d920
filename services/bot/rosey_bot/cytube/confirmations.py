"""What CyTube does or says when the bot asks for something: one table of which frames confirm and which refuse what.

CyTube acknowledges nothing (PROTOCOL.md 12.10). Whether a request was granted shows in what the room is told then, a
refusal in a frame to the bot alone, and often only in silence. ``SIGNS`` says for each kind of request which frames
to look for and how to know that they mean this one.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from rosey_bot.cytube import frames
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.frames import Frame
from rosey_bot.cytube.text import plain_text
from rosey_bot.room.room import Room
from rosey_bot.room.users import MODERATOR
from rosey_core.identity import user_key

SERVER_SPEAKER: Final = "[server]"
VOTESKIP_SPEAKER: Final = "[voteskip]"
OVERDUE: Final = 20
"""Lines whose echo did not come in time that are remembered."""
POSITION_TOLERANCE: Final = 0.5
"""Seconds by which a position that CyTube repeats may differ from the one that it was given."""


# What can be asked.


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


# What can come of it.


@dataclass(frozen=True, slots=True)
class Done:
    """CyTube did it.

    Attributes:
        frame: what shows it.
        notes: what CyTube remarked.
    """

    frame: Any
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """CyTube refused it, and said why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Dropped:
    """CyTube dropped it for its rate limit: it may be repeated after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Noted:
    """CyTube remarked something; whether it does it comes later."""

    text: str


Verdict = Done | Refused | Dropped
Reading = Verdict | Noted | None


@dataclass(frozen=True, slots=True)
class Sign:
    """A frame that may tell what became of an act.

    Attributes:
        frame: which frame.
        read: what it means for this act, in this room as it is after the frame; ``None`` where nothing.
    """

    frame: Frame[Any]
    read: Callable[[Any, Any, Room], Reading]


def _said(message: str) -> str:
    return " ".join(plain_text(message).split())


def _is_text(act: Act, said: str) -> bool:
    return isinstance(act, Say | Whisper) and " ".join(act.text.split()) == said


def _own_line(act: Act, line: frames.ChatMsg, room: Room) -> Reading:
    return Done(line) if room.is_joined and room.is_me(line.username) else None


def _own_whisper(act: Whisper, message: frames.Pm, room: Room) -> Reading:
    return Done(message) if room.is_me(message.username) and user_key(message.to) == user_key(act.to) else None


def _own_afk(act: ToggleAfk, state: frames.SetAfk, room: Room) -> Reading:
    return Done(state) if room.is_me(state.name) and state.afk == act.afk else None


def _cleared(act: ClearTheChat, clear: frames.ClearChat, room: Room) -> Reading:
    return Done(clear) if room.is_me(clear.cleared_by) else None


def _kicked(act: KickUser, line: frames.ChatMsg, room: Room) -> Reading:
    ours = f"{room.own_name} kicked {act.name}"
    is_ours = line.username == SERVER_SPEAKER and _said(line.msg).lower() == ours.lower()
    return Done(line) if is_ours else None


def _left(act: KickUser, user: frames.UserName, room: Room) -> Reading:
    # Who may not hear the server say who kicked whom has no more than that the user is gone.
    return Done(user) if room.own_rank < MODERATOR and user_key(user.name) == user_key(act.name) else None


def _not_kicked(act: KickUser, error: frames.ErrorMsg, room: Room) -> Reading:
    is_ours = error.msg.lower() == f"You do not have permission to kick {act.name}".lower()
    return Refused(_said(error.msg)) if is_ours else None


def _queued(act: Enqueue, queue: frames.Queue, room: Room) -> Reading:
    item = queue.item
    if not room.is_me(item.queueby):
        return None
    # CyTube names custom embeds by a digest, and adds a list's items one by one (PROTOCOL.md 8).
    if act.type in ("cu", "yp"):
        return Done(queue) if item.media.type == {"cu": "cu", "yp": "yt"}[act.type] else None
    return Done(queue) if item.media.id == act.id else None


def _deleted(act: Delete, deletion: frames.Delete, room: Room) -> Reading:
    return Done(deletion) if deletion.uid == act.uid else None


def _moved(act: Move, move: frames.MoveVideo, room: Room) -> Reading:
    return Done(move) if move.uid == act.uid and move.after == act.after else None


def _jumped(act: Jump, media: frames.ChangeMedia, room: Room) -> Reading:
    return Done(media) if room.playlist.current == act.uid else None


def _advanced(act: PlayNext, media: frames.ChangeMedia, room: Room) -> Reading:
    return Done(media)


def _played_out(act: PlayNext, deletion: frames.Delete, room: Room) -> Reading:
    # Nothing tells that nothing plays any more (PROTOCOL.md 8): the last item goes, and nothing follows.
    return Done(deletion) if deletion.uid == act.uid and not len(room.playlist) else None


def _led(act: AssignLeader, name: str, room: Room) -> Reading:
    return Done(name) if name == act.name else None


def _followed(act: LeadPlayback, update: frames.MediaUpdate, room: Room) -> Reading:
    is_ours = update.paused == act.paused and abs(update.currentTime - act.position) <= POSITION_TOLERANCE
    return Done(update) if is_ours else None


def _counted(act: VoteSkip, votes: frames.Votes, room: Room) -> Reading:
    return Done(votes) if votes.count else None


def _passed(act: VoteSkip, line: frames.ChatMsg, room: Room) -> Reading:
    return Done(line) if line.username == VOTESKIP_SPEAKER else None


def _cooldown(act: Act, milliseconds: float, room: Room) -> Reading:
    return Dropped(milliseconds / 1000)


def _muted(act: Say, refusal: frames.Noflood, room: Room) -> Reading:
    return Refused(_said(refusal.msg)) if refusal.action == "chat" else None


def _too_new(act: Act, refusal: frames.SpamFiltered, room: Room) -> Reading:
    return Refused(f"CyTube thinks the account too new: {refusal.reason}")


def _not_queued(act: Enqueue, failure: frames.QueueFail, room: Room) -> Reading:
    return Refused(_said(failure.msg)) if failure.id == act.id else None


def _queue_warning(act: Enqueue, warning: frames.QueueWarn, room: Room) -> Reading:
    return Noted(_said(warning.msg)) if act.id in warning.link else None


def _error(*beginnings: str) -> Callable[[Any, frames.ErrorMsg, Room], Reading]:
    def read(act: Act, error: frames.ErrorMsg, room: Room) -> Reading:
        is_ours = error.msg.startswith((*beginnings, f"Unexpected error for message {act.event}:"))
        return Refused(_said(error.msg)) if is_ours else None

    return read


_ECHOES: Final = (frames.CHAT_MSG.name, frames.PM.name)
_CHAT_LIMITS: Final = (Sign(frames.COOLDOWN, _cooldown), Sign(frames.SPAM_FILTERED, _too_new))

SIGNS: Final[Mapping[type[Act], tuple[Sign, ...]]] = {
    Say: (
        Sign(frames.CHAT_MSG, _own_line),
        Sign(frames.NOFLOOD, _muted),
        Sign(frames.ERROR_MSG, _error()),
        *_CHAT_LIMITS,
    ),
    Whisper: (
        Sign(frames.PM, _own_whisper),
        Sign(frames.ERROR_MSG, _error("PM failed", "You can't PM", "You must be signed in to send PMs")),
        *_CHAT_LIMITS,
    ),
    ToggleAfk: (Sign(frames.SET_AFK, _own_afk), *_CHAT_LIMITS),
    ClearTheChat: (Sign(frames.CLEARCHAT, _cleared), *_CHAT_LIMITS),
    KickUser: (
        Sign(frames.CHAT_MSG, _kicked),
        Sign(frames.USER_LEAVE, _left),
        Sign(frames.ERROR_MSG, _not_kicked),
        *_CHAT_LIMITS,
    ),
    Enqueue: (
        Sign(frames.QUEUE, _queued),
        Sign(frames.QUEUE_FAIL, _not_queued),
        Sign(frames.QUEUE_WARN, _queue_warning),
        Sign(frames.ERROR_MSG, _error()),
    ),
    Delete: (Sign(frames.DELETE, _deleted),),
    Move: (Sign(frames.MOVE_VIDEO, _moved), Sign(frames.ERROR_MSG, _error())),
    Jump: (Sign(frames.CHANGE_MEDIA, _jumped),),
    PlayNext: (Sign(frames.CHANGE_MEDIA, _advanced), Sign(frames.DELETE, _played_out)),
    AssignLeader: (
        Sign(frames.SET_LEADER, _led),
        Sign(frames.ERROR_MSG, _error("Unable to assign leader")),
    ),
    LeadPlayback: (Sign(frames.MEDIA_UPDATE, _followed), Sign(frames.ERROR_MSG, _error())),
    VoteSkip: (Sign(frames.VOTESKIP, _counted), Sign(frames.CHAT_MSG, _passed)),
}
"""For each kind of act the frames that tell what became of it. Beyond these it is silence that refuses."""


@dataclass(slots=True, eq=False)
class Expectation:
    """An act whose answer is awaited; ``verdict`` is settled by it.

    Attributes:
        is_overtaken: whether later ones were sent while it was awaited: what may mean any of them means the later one.
    """

    act: Act
    verdict: asyncio.Future[Verdict]
    notes: tuple[str, ...] = ()
    is_overtaken: bool = False


class Confirmations:
    """Finds for each act that is under way the frame that tells what became of it.

    A frame tells of one act: where several of a kind are under way, of the one that was asked first, and last of one
    that was overtaken, unless the frame repeats its very text. A line whose echo comes when nobody waits for it any
    more is remembered: its echo is not taken for the next line's.

    Args:
        room: the channel as it is after each frame.
    """

    def __init__(self, room: Room) -> None:
        self._room: Final = room
        self._expected: list[Expectation] = []
        self._overdue: deque[Say | Whisper] = deque(maxlen=OVERDUE)

    def follow(self, dispatcher: Dispatcher) -> None:
        """Take the frames of the table from ``dispatcher``."""
        frames_by_name = {sign.frame.name: sign.frame for signs in SIGNS.values() for sign in signs}
        for frame in frames_by_name.values():
            dispatcher.on(frame, self._reader(frame.name))

    def __len__(self) -> int:
        return len(self._expected)

    def expect(self, act: Act) -> Expectation:
        """Look for what becomes of ``act`` from now on, until ``forget``."""
        expectation = Expectation(act, asyncio.get_running_loop().create_future())
        self._expected.append(expectation)
        return expectation

    def forget(self, expectation: Expectation) -> None:
        """Look for it no more."""
        if expectation in self._expected:
            self._expected.remove(expectation)
            is_told = expectation.verdict.done() and not expectation.verdict.cancelled()
            if isinstance(expectation.act, Say | Whisper) and not is_told:
                self._overdue.append(expectation.act)

    def begin(self) -> None:
        """A new connection: what was asked over the last one is answered no more."""
        self._expected.clear()
        self._overdue.clear()

    def _reader(self, name: str) -> Callable[[Any], None]:
        def read(value: Any) -> None:
            if self._overdue and self._is_overdue(name, value):
                return
            for expectation in self._in_order(name, value):
                if not expectation.verdict.done() and self._settle(expectation, name, value):
                    return

        return read

    def _in_order(self, name: str, value: Any) -> list[Expectation]:
        if not any(expectation.is_overtaken for expectation in self._expected):
            return self._expected
        said = _said(value.msg) if name in _ECHOES else None
        return sorted(
            self._expected,
            key=lambda expectation: (said is None or not _is_text(expectation.act, said), expectation.is_overtaken),
        )

    def _is_overdue(self, name: str, value: Any) -> bool:
        if name not in _ECHOES:
            return False
        # A channel's filters may have changed the text: then it is anybody's.
        said = _said(value.msg)
        if any(_is_text(expectation.act, said) for expectation in self._expected):
            return False
        for act in self._overdue:
            if _is_text(act, said) and self._reads_as_done(act, name, value):
                self._overdue.remove(act)
                return True
        return False

    def _reads_as_done(self, act: Act, name: str, value: Any) -> bool:
        signs = (sign for sign in SIGNS[type(act)] if sign.frame.name == name)
        return any(isinstance(sign.read(act, value, self._room), Done) for sign in signs)

    def _settle(self, expectation: Expectation, name: str, value: Any) -> bool:
        for sign in SIGNS[type(expectation.act)]:
            reading = sign.read(expectation.act, value, self._room) if sign.frame.name == name else None
            if isinstance(reading, Noted):
                expectation.notes += (reading.text,)
                return True
            if reading is not None:
                if isinstance(reading, Done):
                    reading = dataclasses.replace(reading, notes=expectation.notes)
                expectation.verdict.set_result(reading)
                return True
        return False
