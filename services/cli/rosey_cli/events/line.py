"""An event on one line: for people, or as JSON."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import UNSET

from rosey_core import events, subjects
from rosey_core.channels import InvalidChannelKey
from rosey_core.text import one_line
from rosey_database.ingest.consumer import StreamMessage

_EXCERPT: Final = 200
_NAMES: Final = 10


@dataclass(frozen=True, kw_only=True)
class Received:
    """A message of the stream, and what it says.

    Attributes:
        message: as it came.
        subject: in the channel-less form; where it is no event's, as it came.
        channel: the channel's key, ``None`` for the default channel.
        event: ``None`` where the message is none.
        problem: why it is none.
    """

    message: StreamMessage
    subject: str
    channel: str | None
    event: events.Event | None
    problem: str = ""


def read(message: StreamMessage) -> Received:
    """What a message says."""
    try:
        subject, channel = subjects.parse_event(message.subject)
    except (ValueError, InvalidChannelKey):
        subject, channel = message.subject, None
    try:
        event, channel = events.decode(message.subject, message.payload)
    except events.InvalidEvent as error:
        return Received(message=message, subject=subject, channel=channel, event=None, problem=str(error))
    return Received(message=message, subject=subject, channel=channel, event=event)


def for_people(received: Received) -> str:
    """When, where, what: ``2026-11-20 18:00:03  lobby  message.log  Alice: hi``."""
    event, when = received.event, received.message.nanoseconds / 1e9
    if event is not None and event.timestamp is not None:
        when = event.timestamp
    told = f"ODD MESSAGE: {received.problem}: {_excerpt(received.message.payload)}" if event is None else _told(event)
    name = received.subject
    if name in subjects.EVENTS:
        name = name.split(".", 2)[2]
    return (
        f"{_clock_time(when)}  {one_line(received.channel or '-'):<12}  {one_line(name):<22}  {one_line(told)}".rstrip()
    )


def as_json(received: Received) -> str:
    """One object: ``event`` is what was published, or ``error`` says why that is none and ``payload`` how it begins."""
    message = received.message
    line: dict[str, Any] = {
        "sequence": message.sequence,
        "time": message.nanoseconds / 1e9,
        "subject": received.subject,
        "channel": received.channel,
    }
    if received.event is None:
        line |= {"error": received.problem, "payload": _excerpt(message.payload)}
    else:
        line["event"] = received.event
    return msgspec.json.encode(line).decode()


def _clock_time(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (ValueError, OverflowError, OSError):
        return f"{seconds:<19g}"


def _excerpt(payload: bytes) -> str:
    text = payload[:_EXCERPT].decode(errors="replace")
    return text + (f" ... ({len(payload)} bytes)" if len(payload) > _EXCERPT else "")


def _told(event: events.Event) -> str:
    match event:
        case events.ChatMessage():
            return f"{event.username}: {event.message}" + (" (replayed)" if event.replayed else "")
        case events.UserJoined() | events.UserLeft():
            return event.username
        case events.UsersPresent():
            names = ", ".join(user.username for user in event.users[:_NAMES])
            more = ", ..." if len(event.users) > _NAMES else ""
            return f"{len(event.users)} users" + (f": {names}{more}" if names else "")
        case events.MediaPlayed():
            by = f", queued by {event.queued_by}" if event.queued_by else ""
            return f"{event.title} ({event.type}:{event.id}, {event.duration:g} s{by})"
        case events.PmCommand():
            outcome = f"{event.result}: {event.error}" if event.error else event.result
            return f"{event.username}: {event.command} {event.args} -> {outcome}"
        case _:
            return ", ".join(f"{name}: {_value(value)}" for name, value in _content(event))


def _content(event: events.Event) -> list[tuple[str, Any]]:
    """What an event says beside its envelope; what stands in a structure of its own is laid flat."""
    content: list[tuple[str, Any]] = []
    for name in event.__struct_fields__:
        value = getattr(event, name)
        if name in _ENVELOPE or value is None or value is UNSET:
            continue
        if isinstance(value, msgspec.Struct):
            fields = ((field, getattr(value, field)) for field in value.__struct_fields__)
            content += [(field, part) for field, part in fields if part is not UNSET and part is not None]
        else:
            content.append((name, value))
    return content


_ENVELOPE: Final = frozenset({"id", "channel", "timestamp", "platform"})


def _value(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
