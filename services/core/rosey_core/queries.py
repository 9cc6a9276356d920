"""What can be asked of the database service, and what it answers: one frozen struct a request, one a reply.

A request is a JSON object on the subject of its type; an empty payload is ``{}``. Where a request fails, the answer
is ``{"success": false, "error": ...}`` whatever the reply's type is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from rosey_core import refused_json, subjects
from rosey_core.channels import InvalidChannelKey
from rosey_core.events import ChannelName, RowId, Timestamp, Username

Limit = Annotated[int, Meta(ge=1, le=1000)]
Offset = Annotated[int, Meta(ge=0, le=2**31 - 1)]
HistoryLimit = Annotated[int, Meta(ge=1, le=10_000)]
Hours = Annotated[float, Meta(gt=0, le=24 * 366)]
Retries = Annotated[int, Meta(ge=1, le=30)]
ClaimSeconds = Annotated[float, Meta(gt=0, le=3600)]
OutboundText = Annotated[str, Meta(min_length=1, max_length=20_000, pattern=r"\S")]


class InvalidRequest(ValueError):
    """A message on a request's subject that is not that request; the text says what is wrong and where."""


class RequestFailed(Exception):
    """The service answered that it could not do what was asked; the text is its reason."""


class Failure(Struct, frozen=True, kw_only=True):
    """The answer to a request that failed."""

    error: str
    success: Literal[False] = False


class Reply(Struct, frozen=True, kw_only=True):
    """What every reply has that is an object."""

    success: Literal[True] = True


class Request(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every request has.

    Attributes:
        channel: the channel's key; the one in the subject wins; the default channel where neither names one.
    """

    SUBJECT: ClassVar[str]
    REPLY: ClassVar[Any]

    channel: ChannelName | None = None


class Enqueued(Reply, frozen=True, kw_only=True):
    """The message is on disk."""

    message_id: RowId


class EnqueueMessage(Request, frozen=True, kw_only=True, omit_defaults=True):
    """Queue a message, for the bot to post in the channel."""

    SUBJECT = subjects.OUTBOUND_ENQUEUE
    REPLY = Enqueued
    message: OutboundText


class OutboundMessage(Struct, frozen=True, kw_only=True):
    """A message that is due.

    Attributes:
        timestamp: Unix seconds, when it was queued.
        retry_count: how often it failed.
    """

    id: RowId
    timestamp: int
    message: str
    retry_count: int
    last_error: str | None


class ClaimedMessage(OutboundMessage, frozen=True, kw_only=True):
    """A message that the asker, and nobody else, is to post until ``claimed_until`` (Unix seconds)."""

    claimed_until: float


class ClaimMessages(Request, frozen=True, kw_only=True, omit_defaults=True):
    """Take messages that are due, oldest first, to post them.

    Each is given once for each try. A claim that ran out without ``mark_sent`` or ``mark_failed`` has an unknown
    outcome, and its message is never given again.

    Attributes:
        claimed_by: who posts them.
        claim_id: a name for this claim, different from those of ``claimed_by``'s claims before: who gets no answer asks
            again under the same name, and is given what the first try was.
        seconds: for how long.
        max_retries: messages that failed so often are left out.
    """

    SUBJECT = subjects.OUTBOUND_CLAIM
    REPLY = list[ClaimedMessage]
    limit: Limit = 50
    claimed_by: str = ""
    claim_id: str = ""
    seconds: ClaimSeconds = 30.0
    max_retries: Retries = 3


class GetMessages(Request, frozen=True, kw_only=True, omit_defaults=True):
    """Messages that are due and that nobody has claimed, oldest first."""

    SUBJECT = subjects.OUTBOUND_GET
    REPLY = list[OutboundMessage]
    limit: Limit = 50
    max_retries: Retries = 3
    bypass_backoff: bool = False


class ChatLine(Struct, frozen=True, kw_only=True):
    """A line of chat; ``timestamp`` in Unix seconds."""

    timestamp: int
    username: str
    message: str


class RecentChat(Request, frozen=True, kw_only=True, omit_defaults=True):
    """The last lines of chat, oldest first."""

    SUBJECT = subjects.RECENT_CHAT_GET
    REPLY = list[ChatLine]
    limit: Limit = 20


class HighWaterMark(Struct, frozen=True, kw_only=True):
    """The most there ever were, and when (Unix seconds; ``null`` where none were counted yet)."""

    users: int
    timestamp: int | None


class Chatter(Struct, frozen=True, kw_only=True):
    """Who said how much."""

    username: str
    chat_lines: int


class ChannelStatistics(Reply, frozen=True, kw_only=True):
    """A channel's statistics.

    Attributes:
        high_water_mark: users in chat.
        high_water_connected: connections.
        top_chatters: the ten who said most.
    """

    high_water_mark: HighWaterMark
    high_water_connected: HighWaterMark
    top_chatters: list[Chatter]
    total_users_seen: int


class ChannelStats(Request, frozen=True, kw_only=True, omit_defaults=True):
    """The statistics of a channel."""

    SUBJECT = subjects.QUERY_CHANNEL_STATS
    REPLY = ChannelStatistics


class UserStatistics(Reply, frozen=True, kw_only=True):
    """A user's statistics; of an unknown user only ``username``, ``success``, ``found`` and ``message``.

    Attributes:
        first_seen, last_seen, current_session_start: Unix seconds; the last is ``null`` for who is not in the room.
        total_time_connected: seconds of the sessions that have ended.
    """

    username: str
    found: bool
    first_seen: int | UnsetType = UNSET
    last_seen: int | UnsetType = UNSET
    total_chat_lines: int | UnsetType = UNSET
    total_time_connected: int | UnsetType = UNSET
    current_session_start: int | UnsetType | None = UNSET
    message: str | UnsetType = UNSET


class UserStats(Request, frozen=True, kw_only=True, omit_defaults=True):
    """The statistics of a user, whatever the case of the name."""

    SUBJECT = subjects.QUERY_USER_STATS
    REPLY = UserStatistics
    username: Username


class CountRow(Struct, frozen=True, kw_only=True):
    """How many there were at ``timestamp`` (Unix seconds)."""

    timestamp: int
    chat_users: int
    connected_users: int


class CountRows(Reply, frozen=True, kw_only=True):
    """The history, oldest first."""

    history: list[CountRow]


class CountHistory(Request, frozen=True, kw_only=True, omit_defaults=True):
    """How many users there were in the last hours; the newest ``limit`` rows of them."""

    SUBJECT = subjects.QUERY_COUNT_HISTORY
    REPLY = CountRows
    hours: Hours = 24.0
    limit: HistoryLimit = 10_000


class StoredLine(ChatLine, frozen=True, kw_only=True):
    """A line of chat with the id of its row."""

    id: RowId


class StoredLines(Reply, frozen=True, kw_only=True):
    """Lines, newest first."""

    messages: list[StoredLine]


class RecentMessages(Request, frozen=True, kw_only=True, omit_defaults=True):
    """Lines of chat page by page, newest first."""

    SUBJECT = subjects.QUERY_RECENT_MESSAGES
    REPLY = StoredLines
    limit: Limit = 100
    offset: Offset = 0


class Action(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a user did.

    Attributes:
        timestamp: Unix seconds.
        details: of a command ``cmd=<command>, args: <args>, result: <result>[, error: <error>]``.
        result: of a command ``pending``, ``success``, ``error`` or ``unknown``.
        command, args, error: of a command, the parts of ``details``.
    """

    id: RowId
    timestamp: int
    username: str
    action_type: str
    details: str | None
    result: str | None
    command: str | None = None
    args: str | None = None
    error: str | None = None


class Actions(Reply, frozen=True, kw_only=True):
    """Actions, newest first."""

    actions: list[Action]


class Audit(Request, frozen=True, kw_only=True, omit_defaults=True):
    """What users did: moderators' commands, and whatever else was recorded.

    Attributes:
        user: only this user's, whatever the case.
        command: only this command, whatever the case.
        since: Unix seconds; only what is no older.
        until: Unix seconds; only what is older.
        result: only commands that came to this.
        offset: so many of the newest are left out, to read on where the last answer ended.
    """

    SUBJECT = subjects.QUERY_AUDIT
    REPLY = Actions
    user: Username | None = None
    command: str | None = None
    since: Timestamp = 0
    limit: Limit = 100
    until: Timestamp | None = None
    result: Literal["pending", "success", "error", "unknown"] | None = None
    offset: Offset = 0


class Play(Struct, frozen=True, kw_only=True):
    """A medium that was played.

    Attributes:
        id: on its site.
        duration: seconds; 0 for live media.
        started, ended: Unix seconds; ``ended`` is ``null`` for what plays now.
        skipped: whether it was cut short.
    """

    title: str
    type: str
    id: str
    duration: int
    queued_by: str | None
    started: int
    ended: int | None
    skipped: bool


class Plays(Reply, frozen=True, kw_only=True):
    """Plays, newest first."""

    media: list[Play]


class MediaHistory(Request, frozen=True, kw_only=True, omit_defaults=True):
    """What was played, newest first; ``since`` in Unix seconds."""

    SUBJECT = subjects.QUERY_MEDIA_HISTORY
    REPLY = Plays
    since: Timestamp = 0
    limit: Limit = 50


class StoredStatus(Struct, frozen=True, kw_only=True):
    """A channel's status, as its bot last told; times in Unix seconds."""

    bot_name: str | None
    bot_rank: float | None
    bot_afk: bool | None
    channel_name: str | None
    current_chat_users: int | None
    current_connected_users: int | None
    playlist_items: int | None
    current_media_title: str | None
    current_media_duration: float | str | None
    bot_start_time: int | None
    bot_connected: bool | None
    last_updated: int | None


class StatusReply(Reply, frozen=True, kw_only=True):
    """The status; ``null`` for a channel that was never seen."""

    found: bool
    status: StoredStatus | None


class Status(Request, frozen=True, kw_only=True, omit_defaults=True):
    """A channel's present status."""

    SUBJECT = subjects.QUERY_STATUS
    REPLY = StatusReply


class BadRequest(Struct, frozen=True, kw_only=True):
    """A request that could not be read.

    Attributes:
        timestamp: Unix seconds.
        payload: its beginning.
        size: its length in bytes.
    """

    timestamp: float
    subject: str
    error: str
    payload: str
    size: int


class BadRequestList(Reply, frozen=True, kw_only=True):
    """The last bad requests, newest first, and how many there were since the service that answers was started."""

    total: int
    requests: list[BadRequest]


class BadRequests(Request, frozen=True, kw_only=True, omit_defaults=True):
    """Requests that could not be read: the last hundred of the instance that answers."""

    SUBJECT = subjects.QUERY_BAD_REQUESTS
    REPLY = BadRequestList
    limit: Annotated[int, Meta(ge=1, le=100)] = 100


TYPES: Final[tuple[type[Request], ...]] = (
    EnqueueMessage,
    ClaimMessages,
    GetMessages,
    RecentChat,
    ChannelStats,
    UserStats,
    CountHistory,
    RecentMessages,
    Audit,
    MediaHistory,
    Status,
    BadRequests,
)

_DECODERS: Final = {kind.SUBJECT: msgspec.json.Decoder(kind) for kind in TYPES}
_REPLY_DECODERS: Final = {kind.SUBJECT: msgspec.json.Decoder(kind.REPLY) for kind in TYPES}
_FAILURE_DECODER: Final = msgspec.json.Decoder(Failure)
_ENCODER: Final = msgspec.json.Encoder()


def decode(template: str, subject: str, payload: bytes) -> tuple[Request, str | None]:
    """Read the request that came on ``subject``, with the key of its channel (the subject's wins; ``None``: default).

    Args:
        template: the channel-less form of ``subject``.

    Raises:
        InvalidRequest: an invalid channel, not JSON, a missing field, a wrong type, a value out of bounds.
    """
    try:
        channel = subjects.channel_of_request(subject, template)
        # As for events: msgspec does not look into names that it ignores.
        payload.decode()
        request = _DECODERS[template].decode(payload or b"{}")
    except InvalidChannelKey as error:
        raise InvalidRequest(f"subject: {error}") from None
    except RecursionError:
        raise InvalidRequest("nested too deeply") from None
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidRequest(refused_json.reason(error, payload)) from None
    if channel is None and request.channel is not None:
        channel = request.channel.lower()
    return request, channel


def decode_parameters(kind: type[Request], parameters: Mapping[str, str]) -> tuple[Request, str | None]:
    """As ``decode``, of texts with names, as an address has them: a text of digits is a number where one is wanted.

    Raises:
        InvalidRequest: as ``decode``.
    """
    try:
        payload = encode(msgspec.convert(dict(parameters), kind, strict=False))
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidRequest(str(error)) from None
    return decode(kind.SUBJECT, kind.SUBJECT, payload)


def encode(message: Any) -> bytes:
    """A request or a reply as it goes over the wire."""
    return _ENCODER.encode(message)


def decode_reply(kind: type[Request], payload: bytes) -> Any:
    """Read the answer to a request of this type: an instance of ``kind.REPLY``.

    Raises:
        RequestFailed: the service says why it could not; or this is no answer to such a request.
    """
    try:
        return _REPLY_DECODERS[kind.SUBJECT].decode(payload)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        unreadable = error
    try:
        failure = _FAILURE_DECODER.decode(payload)
    except (ValueError, RecursionError, msgspec.MsgspecError):
        raise RequestFailed(f"unreadable answer: {unreadable}") from None
    raise RequestFailed(failure.error)
