"""Every NATS subject that Rosey uses, built and parsed here and nowhere else.

An event or request has a channel-less form, ``rosey.db.message.log``, and a full form with the channel's key as one
more token, ``rosey.db.message.log.lobby``. The channel-less form means the default channel. Full forms let NATS
permissions confine a bot to its channel.
"""

from __future__ import annotations

from typing import Final

from rosey_core.channels import InvalidChannelKey, is_channel_key

USER_JOINED: Final = "rosey.db.user.joined"
USER_LEFT: Final = "rosey.db.user.left"
USER_PRESENT: Final = "rosey.db.user.present"
MESSAGE_LOG: Final = "rosey.db.message.log"
USER_COUNT: Final = "rosey.db.stats.user_count"
HIGH_WATER: Final = "rosey.db.stats.high_water"
STATUS_UPDATE: Final = "rosey.db.status.update"
MEDIA_PLAYED: Final = "rosey.db.media.played"
MEDIA_ENDED: Final = "rosey.db.media.ended"
PLAYLIST_CHANGED: Final = "rosey.db.playlist.changed"
OUTBOUND_MARK_SENT: Final = "rosey.db.messages.outbound.mark_sent"
OUTBOUND_MARK_FAILED: Final = "rosey.db.messages.outbound.mark_failed"
PM_COMMAND: Final = "rosey.db.action.pm_command"

EVENTS: Final[tuple[str, ...]] = (
    USER_JOINED,
    USER_LEFT,
    USER_PRESENT,
    MESSAGE_LOG,
    USER_COUNT,
    HIGH_WATER,
    STATUS_UPDATE,
    MEDIA_PLAYED,
    MEDIA_ENDED,
    PLAYLIST_CHANGED,
    OUTBOUND_MARK_SENT,
    OUTBOUND_MARK_FAILED,
    PM_COMMAND,
)

OUTBOUND_ENQUEUE: Final = "rosey.db.messages.outbound.enqueue"
OUTBOUND_CLAIM: Final = "rosey.db.messages.outbound.claim"
OUTBOUND_GET: Final = "rosey.db.messages.outbound.get"
RECENT_CHAT_GET: Final = "rosey.db.stats.recent_chat.get"
QUERY_CHANNEL_STATS: Final = "rosey.db.query.channel_stats"
QUERY_USER_STATS: Final = "rosey.db.query.user_stats"
QUERY_COUNT_HISTORY: Final = "rosey.db.query.count_history"
QUERY_RECENT_MESSAGES: Final = "rosey.db.query.recent_messages"
QUERY_AUDIT: Final = "rosey.db.query.audit"
QUERY_MEDIA_HISTORY: Final = "rosey.db.query.media_history"
QUERY_STATUS: Final = "rosey.db.query.status"
QUERY_BAD_REQUESTS: Final = "rosey.db.query.bad_requests"

REQUESTS: Final[tuple[str, ...]] = (
    OUTBOUND_ENQUEUE,
    OUTBOUND_CLAIM,
    OUTBOUND_GET,
    RECENT_CHAT_GET,
    QUERY_CHANNEL_STATS,
    QUERY_USER_STATS,
    QUERY_COUNT_HISTORY,
    QUERY_RECENT_MESSAGES,
    QUERY_AUDIT,
    QUERY_MEDIA_HISTORY,
    QUERY_STATUS,
    QUERY_BAD_REQUESTS,
)

OUTBOUND_WAITING: Final = "rosey.db.messages.outbound.waiting"
"""The database service tells a channel's bot, by core NATS and with nothing in it, that a message waits to be posted.
Only the full form is used. Who misses it finds the message when it next looks into the queue."""

DEAD_LETTERS: Final = "rosey.dlq"
"""Where a rejected event goes: this prefix, then the subject that the event came on."""

_EVENT_SET: Final = frozenset(EVENTS)
_DEAD_LETTER_LIMIT: Final = 500
_ODD_TOKENS: Final = frozenset(("", "*", ">"))


def for_channel(subject: str, channel: str | None) -> str:
    """The full form of ``subject`` for the channel with this key; the channel-less form for ``None``.

    Raises:
        InvalidChannelKey: ``channel`` is not a channel key.
    """
    if channel is None:
        return subject
    if not is_channel_key(channel):
        raise InvalidChannelKey(channel)
    return f"{subject}.{channel}"


def in_every_form(subject: str) -> tuple[str, str]:
    """The two patterns that together match ``subject`` with and without a channel."""
    return subject, f"{subject}.*"


def event_patterns() -> list[str]:
    """What the event stream captures: each event with and without a channel, and no request."""
    return [pattern for subject in EVENTS for pattern in in_every_form(subject)]


def parse_event(subject: str) -> tuple[str, str | None]:
    """Split an event's subject into its channel-less form and the channel's key, ``None`` where it names none.

    Raises:
        ValueError: this is no event's subject.
        InvalidChannelKey: the last token is not a channel key.
    """
    if subject in _EVENT_SET:
        return subject, None
    template, _, channel = subject.rpartition(".")
    if template not in _EVENT_SET:
        raise ValueError(f"{subject!r} is no event's subject")
    if not is_channel_key(channel):
        raise InvalidChannelKey(channel)
    return template, channel


def channel_of_request(subject: str, template: str) -> str | None:
    """The channel's key in a request's subject, ``None`` where the subject is the channel-less ``template``.

    Raises:
        InvalidChannelKey: the last token is not a channel key.
    """
    if subject == template:
        return None
    channel = subject.removeprefix(template + ".")
    if not is_channel_key(channel):
        raise InvalidChannelKey(channel)
    return channel


def is_plain(subject: str) -> bool:
    """Whether every client can publish on it and read it: visible ASCII characters, no empty token, no wildcard."""
    visible = subject.isascii() and subject.isprintable() and " " not in subject
    return visible and _ODD_TOKENS.isdisjoint(subject.split("."))


def dead_letter(subject: str) -> str:
    """Where the dead letter of an event that came on ``subject`` is published.

    NATS lets a publisher use subjects that cannot be published on with a prefix (too long) or by every client (not
    UTF-8, control characters): their letters go where those of the channel-less form do, or of unknown events.
    """
    if is_plain(subject) and len(subject) <= _DEAD_LETTER_LIMIT:
        return f"{DEAD_LETTERS}.{subject}"
    template = subject.rpartition(".")[0]
    return f"{DEAD_LETTERS}.{template if template in _EVENT_SET else 'unknown'}"
