"""What CyTube does or says when the bot asks for something: one table of which frames confirm and which refuse what.

CyTube acknowledges nothing (PROTOCOL.md 12.10). Whether a request was granted shows in what the room is told then, a
refusal in a frame to the bot alone, and often only in silence. ``SIGNS`` says for each kind of request which frames
to look for and how to know that they mean this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rosey_bot.cytube import frames
from rosey_bot.cytube.acts import (
    Act,
    AssignLeader,
    ClearTheChat,
    Delete,
    Enqueue,
    Jump,
    KickUser,
    LeadPlayback,
    Move,
    PlayNext,
    Say,
    ToggleAfk,
    VoteSkip,
    Whisper,
)
from rosey_bot.cytube.frames import Frame
from rosey_bot.cytube.text import plain_text
from rosey_bot.room.room import Room
from rosey_bot.room.users import MODERATOR
from rosey_core.identity import user_key

SERVER_SPEAKER: Final = "[server]"
VOTESKIP_SPEAKER: Final = "[voteskip]"
POSITION_TOLERANCE: Final = 0.5
"""Seconds by which a position that CyTube repeats may differ from the one that it was given."""


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


def spoken(message: str) -> str:
    """What a frame says, as one line of plain text."""
    return " ".join(plain_text(message).split())


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
    is_ours = line.username == SERVER_SPEAKER and spoken(line.msg).lower() == ours.lower()
    return Done(line) if is_ours else None


def _left(act: KickUser, user: frames.UserName, room: Room) -> Reading:
    # Who may not hear the server say who kicked whom has no more than that the user is gone.
    return Done(user) if room.own_rank < MODERATOR and user_key(user.name) == user_key(act.name) else None


def _not_kicked(act: KickUser, error: frames.ErrorMsg, room: Room) -> Reading:
    is_ours = error.msg.lower() == f"You do not have permission to kick {act.name}".lower()
    return Refused(spoken(error.msg)) if is_ours else None


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
    return Refused(spoken(refusal.msg)) if refusal.action == "chat" else None


def _too_new(act: Act, refusal: frames.SpamFiltered, room: Room) -> Reading:
    return Refused(f"CyTube thinks the account too new: {refusal.reason}")


def _not_queued(act: Enqueue, failure: frames.QueueFail, room: Room) -> Reading:
    return Refused(spoken(failure.msg)) if failure.id == act.id else None


def _queue_warning(act: Enqueue, warning: frames.QueueWarn, room: Room) -> Reading:
    return Noted(spoken(warning.msg)) if act.id in warning.link else None


def _error(*beginnings: str) -> Callable[[Any, frames.ErrorMsg, Room], Reading]:
    def read(act: Act, error: frames.ErrorMsg, room: Room) -> Reading:
        is_ours = error.msg.startswith((*beginnings, f"Unexpected error for message {act.event}:"))
        return Refused(spoken(error.msg)) if is_ours else None

    return read


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
