"""The events that bots, and anybody else, publish: one frozen struct an event; decoding is validation.

On the wire an event is a JSON object. Every field of the envelope is optional there, and unknown fields are ignored,
so that older and newer services run side by side and a plain ``nats pub`` works. What bots publish has every field of
the first release, so that a plain subscriber finds it: events with defaults among those are written out in full.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from rosey_core import refused_json, subjects
from rosey_core.channels import InvalidChannelKey

_USERNAME: Final = r"^(?=.*\S)[^\x00-\x1f\x7f]*\Z"
_CHANNEL: Final = r"^[A-Za-z0-9_-]{1,64}\Z"
LONGEST_NAME: Final = 64
Username = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME, pattern=_USERNAME)]
"""A user's name: not blank, at most 64 characters, no control characters."""
ChannelName = Annotated[str, Meta(pattern=_CHANNEL)]
PlainName = Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME)]
"""A name whose characters ``decode`` and ``convert`` look at once for each name, not for each event: a pattern of
msgspec's costs as much as all the rest of decoding."""
EventId = Annotated[str, Meta(min_length=1, max_length=200)]
Timestamp = Annotated[float, Meta(ge=0)]
"""Unix seconds: when it happened at CyTube."""
Count = Annotated[int, Meta(ge=0, le=2**31 - 1)]
RowId = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class InvalidEvent(ValueError):
    """A message on an event's subject that is not that event; the text says what is wrong and where."""


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The envelope that every event has.

    Attributes:
        channel: the channel's key; the one in the subject wins.
        timestamp: Unix seconds, when it happened at CyTube; the stream's time where absent.
        platform: where it comes from, ``cytube``.
    """

    SUBJECT: ClassVar[str]

    channel: PlainName | None = None
    timestamp: Timestamp | None = None
    platform: str | None = None

    @property
    def event_id(self) -> str | None:
        """The id that makes this event the same as another; its place in the stream where ``None``."""
        raise NotImplementedError


class IdentifiedEvent(Event, frozen=True, kw_only=True, omit_defaults=True):
    """An event whose identity is in the field ``id``."""

    id: EventId | None = None

    @property
    def event_id(self) -> str | None:
        return self.id


class UserJoined(IdentifiedEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A user came into the room."""

    SUBJECT = subjects.USER_JOINED
    username: PlainName


class UserLeft(IdentifiedEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A user left the room."""

    SUBJECT = subjects.USER_LEFT
    username: PlainName


class PresentUser(Struct, frozen=True, omit_defaults=False):
    """One user of a room's list."""

    username: Username
    rank: float = 0
    afk: bool = False


class UsersPresent(IdentifiedEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Everyone who is in the room now; who has a session and is absent here has left.

    Attributes:
        unseen_since: Unix seconds; since when the bot had not seen the room, where it knows. Who is gone meanwhile
            left then; where absent, at the last event of the channel before this one.
    """

    SUBJECT = subjects.USER_PRESENT
    users: list[PresentUser]
    unseen_since: Timestamp | None = None


class ChatMessage(IdentifiedEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A line of chat.

    Attributes:
        message: plain text, unescaped.
        replayed: CyTube showed it again at a join (PROTOCOL.md 5); the database decides whether it counts.
    """

    SUBJECT = subjects.MESSAGE_LOG
    username: PlainName
    message: str
    replayed: bool = False


class UserCount(IdentifiedEvent, frozen=True, kw_only=True, omit_defaults=True):
    """How many users are in chat and how many connections there are: one row of the history."""

    SUBJECT = subjects.USER_COUNT
    chat_count: Count
    connected_count: Count


class HighWater(IdentifiedEvent, frozen=True, kw_only=True, omit_defaults=False):
    """Counts that may be the highest ever."""

    SUBJECT = subjects.HIGH_WATER
    chat_count: Count
    connected_count: Count | None = None


class StatusData(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The fields of a channel's status; what is absent stays as it was, ``null`` clears."""

    bot_name: str | UnsetType | None = UNSET
    bot_rank: float | UnsetType | None = UNSET
    bot_afk: bool | Literal[0, 1] | UnsetType | None = UNSET
    channel_name: str | UnsetType | None = UNSET
    current_chat_users: Count | UnsetType | None = UNSET
    current_connected_users: Count | UnsetType | None = UNSET
    playlist_items: Count | UnsetType | None = UNSET
    current_media_title: str | UnsetType | None = UNSET
    current_media_duration: float | str | UnsetType | None = UNSET
    bot_start_time: float | UnsetType | None = UNSET
    bot_connected: bool | Literal[0, 1] | UnsetType | None = UNSET


class StatusUpdate(IdentifiedEvent, frozen=True, kw_only=True, omit_defaults=True):
    """What the bot knows of itself and the room, every ten seconds."""

    SUBJECT = subjects.STATUS_UPDATE
    status_data: StatusData


class MediaPlayed(Event, frozen=True, kw_only=True, omit_defaults=False):
    """A play began, or a bot came into the middle of one.

    Attributes:
        id: the medium's id on its site; the event's own identity is ``event``.
        duration: seconds; 0 for live media.
        started: Unix seconds of the play's start, CyTube's lead-in left out; ``timestamp`` where absent.
    """

    SUBJECT = subjects.MEDIA_PLAYED
    title: str
    type: Annotated[str, Meta(min_length=1, max_length=64)]
    id: Annotated[str, Meta(min_length=1)]
    duration: Annotated[float, Meta(ge=0, le=2**40)] = 0
    queued_by: str | None = None
    started: Timestamp | None = None
    event: EventId | None = None

    @property
    def event_id(self) -> str | None:
        return self.event


class MediaEnded(IdentifiedEvent, frozen=True, kw_only=True, omit_defaults=True):
    """Nothing plays any more.

    Attributes:
        skipped: whether it was cut short; where absent, whether its time was not up.
    """

    SUBJECT = subjects.MEDIA_ENDED
    skipped: bool | None = None


class PlaylistChanged(IdentifiedEvent, frozen=True, kw_only=True, omit_defaults=False):
    """The playlist changed.

    Attributes:
        action: ``queued``, ``removed``, ``moved``, ``cleared``, ``shuffled``, ``locked``, ``unlocked``, ``temp``...
        item: what it was done to, any JSON value.
        by: who did it, where CyTube tells.
    """

    SUBJECT = subjects.PLAYLIST_CHANGED
    action: Annotated[str, Meta(min_length=1, max_length=64)]
    item: Any = None
    by: str | None = None


class OutboundSent(IdentifiedEvent, frozen=True, kw_only=True, omit_defaults=True):
    """A message of the outbound queue was posted: CyTube echoed it."""

    SUBJECT = subjects.OUTBOUND_MARK_SENT
    message_id: RowId


class OutboundFailed(IdentifiedEvent, frozen=True, kw_only=True, omit_defaults=False):
    """A message of the outbound queue could not be posted.

    Attributes:
        permanent: whether it is never tried again.
        attempted: false where the bot could not speak just then: the message is due again at once, and this was no try.
        claimed_until: of the claim that this is about, so that it takes no later one away.
    """

    SUBJECT = subjects.OUTBOUND_MARK_FAILED
    message_id: RowId
    error: str = ""
    permanent: bool = False
    attempted: bool = True
    claimed_until: float | None = None


class PmCommand(IdentifiedEvent, frozen=True, kw_only=True, omit_defaults=False):
    """A moderator's command by private message: once when it is attempted, once with its outcome, with one id."""

    SUBJECT = subjects.PM_COMMAND
    username: PlainName
    command: Annotated[str, Meta(min_length=1)]
    args: str = ""
    result: Literal["pending", "success", "error", "unknown"] = "unknown"
    error: str | None = None


_Kind = TypeVar("_Kind", bound=Event)

TYPES: Final[tuple[type[Event], ...]] = (
    UserJoined,
    UserLeft,
    UsersPresent,
    ChatMessage,
    UserCount,
    HighWater,
    StatusUpdate,
    MediaPlayed,
    MediaEnded,
    PlaylistChanged,
    OutboundSent,
    OutboundFailed,
    PmCommand,
)

_DECODERS: Final[dict[str, msgspec.json.Decoder[Event]]] = {kind.SUBJECT: msgspec.json.Decoder(kind) for kind in TYPES}
_ENCODER: Final = msgspec.json.Encoder()


def decode(subject: str, payload: bytes) -> tuple[Event, str | None]:
    """Read the event that came on ``subject``, with the key of its channel (the subject's wins; ``None``: the default).

    Raises:
        InvalidEvent: unknown subject or channel, not JSON, a missing field, a wrong type, a value out of bounds.
    """
    try:
        decoder, channel = _route(subject)
        if not payload.isascii():
            # msgspec does not look into names that it ignores; a name broken in transit is not to be ignored.
            payload.decode()
        event = decoder.decode(payload)
        _check_names(event)
    except InvalidChannelKey as error:
        raise InvalidEvent(f"subject: {error}") from None
    except RecursionError:
        raise InvalidEvent("nested too deeply") from None
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidEvent(refused_json.reason(error, payload)) from None
    if channel is None and event.channel is not None:
        channel = event.channel.lower()
    return event, channel


@lru_cache(maxsize=2048)
def _route(subject: str) -> tuple[msgspec.json.Decoder[Event], str | None]:
    template, channel = subjects.parse_event(subject)
    return _DECODERS[template], channel


def _check_names(event: Event) -> None:
    if event.channel is not None:
        _check_channel(event.channel)
    username: str | None = getattr(event, "username", None)
    if username is not None:
        _check_username(username)


@lru_cache(maxsize=1024)
def _check_channel(name: str) -> None:
    if not re.search(_CHANNEL, name):
        raise ValueError("Expected letters, digits, `_` and `-` alone - at `$.channel`")


@lru_cache(maxsize=1024)
def _check_username(name: str) -> None:
    if not re.search(_USERNAME, name):
        raise ValueError("Expected a name that is not blank and has no control characters - at `$.username`")


def convert(fields: dict[str, Any], kind: type[_Kind]) -> _Kind:
    """An event of these fields, as strictly as ``decode``.

    Raises:
        ValueError: a missing field, a wrong type, a value out of bounds.
    """
    event = msgspec.convert(fields, kind)
    _check_names(event)
    return event


def encode(event: Event) -> bytes:
    """The event as it goes over the wire: JSON, of later additions only those that say something."""
    return _ENCODER.encode(event)
