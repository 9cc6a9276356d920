"""The frames that a CyTube server sends and Rosey reads: decoding is validation.

One struct a frame, with only the fields that are read; unknown fields are ignored, and a null says nothing, like an
absent field. Shapes and units are those of PROTOCOL.md 2 to 11. A frame of another shape raises ``MalformedFrame``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

T = TypeVar("T")

PLATFORM: Final = "cytube"
"""What events, claims and the audit call this kind of site."""
_REFUSALS: Final = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
"""What msgspec raises for odd values: besides its own, for half surrogates, huge numbers and deep nesting."""

Milliseconds = Annotated[float, Meta(ge=0, lt=2**48)]
"""CyTube's clock: since 1970."""
Rank = Annotated[float, Meta(ge=-1_000_000, le=1_000_000)]
"""-1 for anonymous sockets, 0 for guests, fractions allowed (PROTOCOL.md 4); the bounds keep NaN out."""
Uid = Annotated[int, Meta(ge=0, lt=2**53)]
"""A playlist item's number; 0 is one."""
After = Uid | Literal["prepend", "append"]
"""Where an item of the playlist goes: behind another one, first, last."""
Count = Annotated[int, Meta(ge=0, lt=2**31)]
Seconds = Annotated[float, Meta(ge=-(2**40), le=2**40)]
Duration = Annotated[float, Meta(ge=0, le=2**40)]
Identifier = Annotated[str, Meta(min_length=1)]


class MalformedFrame(ValueError):
    """A frame whose arguments are not what the protocol says; the text tells where."""


class ChatMeta(Struct, frozen=True):
    """Of a chat line's ``meta``: whether its author is shadow-muted, which moderators alone see (PROTOCOL.md 5)."""

    shadow: bool = False


class ChatMsg(Struct, frozen=True):
    """``chatMsg``: a line of chat, its text as HTML."""

    username: str
    msg: str
    time: Milliseconds
    meta: ChatMeta = ChatMeta()


class Pm(Struct, frozen=True):
    """``pm``: a private message, shown to its target and to its sender."""

    username: str
    msg: str
    to: str = ""


class UserMeta(Struct, frozen=True):
    """A user's ``meta``; absent fields say nothing. A shadow mute is shown to moderators, as a mute too."""

    afk: bool | UnsetType = UNSET
    muted: bool | UnsetType = UNSET
    smuted: bool | UnsetType = UNSET


class User(Struct, frozen=True):
    """A user as in ``userlist`` and ``addUser``; who has no rank in it may do no more than a guest."""

    name: str
    rank: Rank = 0
    meta: UserMeta = UserMeta()


class UserName(Struct, frozen=True):
    """``userLeave``."""

    name: str


class UserRank(Struct, frozen=True):
    """``setUserRank``."""

    name: str
    rank: Rank


class SetUserMeta(Struct, frozen=True):
    """``setUserMeta``; the name is empty for anonymous sockets."""

    name: str
    meta: UserMeta


class SetAfk(Struct, frozen=True):
    """``setAFK``, the older form of the same news."""

    name: str
    afk: bool


class Media(Struct, frozen=True):
    """A medium of the playlist: ``seconds`` is 0 for live ones.

    An item that were left out for an odd medium would put all behind it at other positions than CyTube shows.
    """

    id: str = ""
    title: str = ""
    type: str = ""
    seconds: Duration = 0


class Item(Struct, frozen=True):
    """An item of the playlist; ``queueby`` is empty where an anonymous user queued it."""

    uid: Uid
    media: Media = Media()
    temp: bool = False
    queueby: str = ""


class Queue(Struct, frozen=True):
    """``queue``: an item was put behind another one, or first (``prepend``)."""

    item: Item
    after: After


class Delete(Struct, frozen=True):
    """``delete``."""

    uid: Uid


class MoveVideo(Struct, frozen=True, rename={"uid": "from"}):
    """``moveVideo``: an item was put elsewhere."""

    uid: Uid
    after: After


class SetTemp(Struct, frozen=True):
    """``setTemp``."""

    uid: Uid
    temp: bool


class PlaylistMeta(Struct, frozen=True):
    """``setPlaylistMeta``: the server's own count of items."""

    count: Count


class ChangeMedia(Struct, frozen=True):
    """``changeMedia``: what plays now; ``currentTime`` is -3 in the lead-in of timed media (PROTOCOL.md 8)."""

    id: Identifier
    type: Annotated[str, Meta(min_length=1, max_length=64)]
    title: str = ""
    seconds: Duration = 0
    currentTime: Seconds = 0  # noqa: N815 - CyTube's spelling
    paused: bool = False


class MediaUpdate(Struct, frozen=True):
    """``mediaUpdate``: where the medium stands."""

    currentTime: Seconds  # noqa: N815 - CyTube's spelling
    paused: bool = False


class Login(Struct, frozen=True):
    """``login``: the answer to ours; ``name`` is the stored spelling."""

    success: bool
    name: str = ""
    error: str = ""


class Kick(Struct, frozen=True):
    """``kick``: the server is about to disconnect us."""

    reason: str = ""


class Noflood(Struct, frozen=True):
    """``noflood``: a line was refused, for instance because we are muted."""

    action: str = ""
    msg: str = ""


class ErrorMsg(Struct, frozen=True):
    """``errorMsg``: something that we asked was refused."""

    msg: str


class SpamFiltered(Struct, frozen=True):
    """``spamFiltered``: the account is too new to say this."""

    reason: str = ""


class QueueFail(Struct, frozen=True):
    """``queueFail``: an item was not added; ``msg`` is partly escaped."""

    msg: str
    id: str = ""


class QueueWarn(Struct, frozen=True):
    """``queueWarn``: an item is added, but not everybody can see it; tells only the item's link."""

    msg: str
    link: str = ""


class ClearChat(Struct, frozen=True, rename={"cleared_by": "clearedBy"}):
    """``clearchat``."""

    cleared_by: str = ""


class Votes(Struct, frozen=True):
    """``voteskip``: how many have voted, and how many are needed; both 0 when a medium begins."""

    count: int
    need: int


class Options(Struct, frozen=True):
    """Of ``channelOpts``, what Rosey uses; the frame itself holds the channel's password in clear (PROTOCOL.md 11)."""

    pagetitle: str = ""
    allow_voteskip: bool = True


class Frame(Generic[T]):
    """A kind of frame: its name on the wire and how its arguments become a value.

    Args:
        name: the Socket.IO event.
        decode: makes the value of the event's arguments, or raises ``MalformedFrame``.
    """

    __slots__ = ("decode", "name")

    def __init__(self, name: str, decode: Callable[[Sequence[Any]], T]) -> None:
        self.name: Final = name
        self.decode: Final = decode


def _one(name: str, kind: Any) -> Frame[Any]:
    def decode(arguments: Sequence[Any]) -> Any:
        try:
            return _convert(arguments[0] if arguments else None, kind)
        except _REFUSALS as error:
            raise MalformedFrame(str(error)) from None

    return Frame(name, decode)


def _list(name: str, kind: type[T]) -> Frame[list[T]]:
    """A frame of a list, whose odd members are left out: one broken user must not hide all the others."""

    def decode(arguments: Sequence[Any]) -> list[T]:
        members = arguments[0] if arguments else None
        if not isinstance(members, list):
            raise MalformedFrame("Expected `array`")
        values = []
        for member in members:
            try:
                values.append(_convert(member, kind))
            except _REFUSALS:
                continue
        return values

    return Frame(name, decode)


def _convert(value: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind)
    except _REFUSALS:
        return msgspec.convert(_without_nulls(value), kind)


def _without_nulls(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: _without_nulls(member) for name, member in value.items() if member is not None}


CHAT_MSG: Final[Frame[ChatMsg]] = _one("chatMsg", ChatMsg)
PM: Final[Frame[Pm]] = _one("pm", Pm)
USERLIST: Final = _list("userlist", User)
ADD_USER: Final[Frame[User]] = _one("addUser", User)
USER_LEAVE: Final[Frame[UserName]] = _one("userLeave", UserName)
USERCOUNT: Final[Frame[int]] = _one("usercount", Count)
SET_USER_RANK: Final[Frame[UserRank]] = _one("setUserRank", UserRank)
SET_USER_META: Final[Frame[SetUserMeta]] = _one("setUserMeta", SetUserMeta)
SET_AFK: Final[Frame[SetAfk]] = _one("setAFK", SetAfk)
SET_LEADER: Final[Frame[str]] = _one("setLeader", str)
RANK: Final[Frame[float]] = _one("rank", Rank)
PLAYLIST: Final = _list("playlist", Item)
QUEUE: Final[Frame[Queue]] = _one("queue", Queue)
DELETE: Final[Frame[Delete]] = _one("delete", Delete)
MOVE_VIDEO: Final[Frame[MoveVideo]] = _one("moveVideo", MoveVideo)
SET_TEMP: Final[Frame[SetTemp]] = _one("setTemp", SetTemp)
SET_CURRENT: Final[Frame[int]] = _one("setCurrent", Uid)
SET_PLAYLIST_META: Final[Frame[PlaylistMeta]] = _one("setPlaylistMeta", PlaylistMeta)
SET_PLAYLIST_LOCKED: Final[Frame[bool]] = _one("setPlaylistLocked", bool)
CHANGE_MEDIA: Final[Frame[ChangeMedia]] = _one("changeMedia", ChangeMedia)
MEDIA_UPDATE: Final[Frame[MediaUpdate]] = _one("mediaUpdate", MediaUpdate)
SET_PERMISSIONS: Final[Frame[dict[str, float]]] = _one("setPermissions", dict[str, Rank])
CHANNEL_NOT_REGISTERED: Final[Frame[None]] = Frame("channelNotRegistered", lambda _: None)
CHANNEL_OPTS: Final[Frame[Options]] = _one("channelOpts", Options)
LOGIN: Final[Frame[Login]] = _one("login", Login)
NEED_PASSWORD: Final[Frame[bool]] = _one("needPassword", bool)
KICK: Final[Frame[Kick]] = _one("kick", Kick)
COOLDOWN: Final[Frame[float]] = _one("cooldown", Annotated[float, Meta(ge=0, le=3_600_000)])
NOFLOOD: Final[Frame[Noflood]] = _one("noflood", Noflood)
SPAM_FILTERED: Final[Frame[SpamFiltered]] = _one("spamFiltered", SpamFiltered)
QUEUE_FAIL: Final[Frame[QueueFail]] = _one("queueFail", QueueFail)
QUEUE_WARN: Final[Frame[QueueWarn]] = _one("queueWarn", QueueWarn)
CLEARCHAT: Final[Frame[ClearChat]] = _one("clearchat", ClearChat)
VOTESKIP: Final[Frame[Votes]] = _one("voteskip", Votes)
ERROR_MSG: Final[Frame[ErrorMsg]] = _one("errorMsg", ErrorMsg)

NAMES: Final = frozenset(frame.name for frame in list(globals().values()) if isinstance(frame, Frame))
"""The names of all these frames."""
