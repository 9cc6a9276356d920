"""Every difference between recording and replay that is accepted, with its reason. There are no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.recordings.client import Seen

Edit = Callable[[list[Seen]], list[Seen]]


def without(unwanted: Callable[[Seen], bool]) -> Edit:
    return lambda frames: [seen for seen in frames if not unwanted(seen)]


def kind_last(event: str) -> Edit:
    """Frames of one kind behind all others, each in its own order."""
    return lambda frames: [seen for seen in frames if seen[0] != event] + [seen for seen in frames if seen[0] == event]


@dataclass(frozen=True)
class Accepted:
    """`edit` is applied to both sides of each connection of `label` (None: of every label)."""

    recording: str
    label: str | None
    reason: str
    edit: Edit


PUT_OUT: Seen = ("@disconnect", ["packet 41 from server"])
LEFT: Seen = ("@disconnect", ["client disconnect"])
CLOSED: Seen = ("@close", ["websocket closed, code None"])

ACCEPTED = [
    Accepted(
        "chat_and_html",
        "alice",
        "One chat line was overtaken by the error answers to four frames sent after it; how far a line is overtaken "
        "depends on the recorded server's load.",
        kind_last("chatMsg"),
    ),
    Accepted(
        "chat_buffer_replay",
        "mod",
        "ModUser left in the same millisecond as Alice and was recorded not to hear of her leaving.",
        without(lambda seen: seen == ("userLeave", [{"name": "Alice"}])),
    ),
    Accepted(
        "playlist",
        None,
        "Whether an update falls into a lead-in hangs on a millisecond: once the recorded timer came early, and the "
        "lead-in took a second more.",
        without(lambda seen: seen[0] == "mediaUpdate" and seen[1][0]["paused"]),
    ),
    Accepted(
        "kick_and_ban",
        "alice",
        "A banned account that logged in before joining was recorded to get its rank behind the packet that had put "
        "it out of the namespace.",
        lambda frames: frames[:-1] if frames[-2:] == [PUT_OUT, ("rank", [1])] else frames,
    ),
    Accepted(
        "cookie_login",
        "alice",
        "The web site's login form and its cookie are not simulated: the account logs in by frame instead.",
        without(lambda seen: seen[0] in ("login", "rank")),
    ),
    Accepted(
        "pysocketio_client",
        "bot",
        "The last refusals belong to sockets of other names that are not recorded otherwise; connection_limits has "
        "the same refusal.",
        without(lambda seen: seen[0] == "@connect_error"),
    ),
    Accepted(
        "pysocketio_client",
        "bot",
        "python-socketio does not show the Engine.IO handshake.",
        without(lambda seen: seen[0] == "@open"),
    ),
    Accepted(
        "server_restart",
        None,
        "Refused while the server is down: the client has no connection to see it on. The replay tries the same "
        "moments itself and fails if one is accepted.",
        without(lambda seen: seen[0] == "@connect_error"),
    ),
    Accepted(
        "server_restart",
        "alice",
        "python-socketio does not show the Engine.IO handshake, and has another word for leaving of its own accord.",
        without(lambda seen: seen[0] == "@open" or seen in (LEFT, CLOSED)),
    ),
]


def edits(recording: str, label: str) -> list[Edit]:
    return [each.edit for each in ACCEPTED if each.recording == recording and each.label in (None, label)]
