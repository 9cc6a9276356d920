"""What a bot tells of one of its channels, as it stands in the bucket ``streams.CHANNEL_STATUS``.

A bot that dies says nothing of it. So each writes a *beat* there every now and then, its statuses name it, and they
count as long as it does: one message a bot, however many channels it has. The sessions of a pool could not serve for
that: there are none without a pool, they may be as long as a minute, and only bots read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec import Struct

from rosey_core import leases

BEAT_INTERVAL: Final = 2.0
"""Seconds after which a bot beats again."""
SILENCE: Final = 6.0
"""Seconds without a beat after which what the bot has told counts no more."""
REPETITION: Final = 25.0
"""Seconds for which a status counts that names no beat, as those of earlier releases: they were repeated more often."""
_BEAT: Final = "bot."

State = Literal["joined", "connecting", "waiting", "invalid"]
Origin = Literal["file", "added"]

CAUSES: Final = {
    "lost": "the connection broke, or the server restarted",
    "unreachable": "the server or the proxy cannot be reached",
    "rate_limited": "the server takes no more from this address for now",
    "kicked": "kicked from the room",
    "duplicate_login": "somebody else logged in with the same name",
    "refused": "the server does not let the bot in, for another reason",
    "no_channel": "the server has no such channel",
    "untrusted": "the certificate of the server is not to be trusted",
    "banned": "banned from the channel or from the server",
    "channel_password": "the password of the channel is missing or wrong",
    "wrong_password": "the password of the account is wrong",
    "no_account": "there is no such account",
    "name_registered": "the name of the guest is somebody's account",
    "name_taken": "a guest of that name is in the channel already",
    "name_invalid": "the server allows no such name",
    "guest_limit": "the server allows the address few guests",
    "login_refused": "the server refuses the login for another reason, or does not answer it",
    "failed": "the bot failed at it: its log says more",
    "invalid_entry": "what was added at run time is no channel",
    "missing_secret": "what was added at run time refers to a file or a variable that is not there",
}
"""The words for what is wrong, and what they mean; a newer bot may know more."""


class InvalidStatus(ValueError):
    """What stands in the bucket is no status."""


class ChannelStatus(Struct, frozen=True, kw_only=True):
    """How a channel fares.

    Attributes:
        key: the channel's key.
        origin: where the channel comes from: the configuration file, or an addition at run time.
        state: in the room, on the way, waiting for something, or an entry that cannot be used.
        updated: Unix seconds; when this was told.
        bot: which bot tells it.
        server: the CyTube site's address.
        name: the channel's name.
        since: Unix seconds; since when the bot is in the room.
        user: the name that the bot has there.
        users: users with a name.
        connected: connections, anonymous ones too.
        problem: what is wrong now.
        last_failure: why the bot last lost the room or did not get in; stays when that is over.
        waits_for: what it waits for.
        note: something that the operator should know.
        revision: of the entry in the bucket that is applied, or refused; ``None`` for the configuration file's.
        worker: who holds the channel; ``None`` where nobody does.
        media: the title of what plays now.
        cause: a word for what is wrong now, one of ``CAUSES``; ``None`` where nothing is, and on the way.
        beat: under which key the bot beats; ``None`` where it does not.
    """

    key: str
    origin: Origin
    state: State
    updated: float
    bot: str = ""
    server: str = ""
    name: str = ""
    since: float | None = None
    user: str | None = None
    users: int | None = None
    connected: int | None = None
    problem: str | None = None
    last_failure: str | None = None
    waits_for: str | None = None
    note: str | None = None
    revision: int | None = None
    worker: str | None = None
    media: str | None = None
    cause: str | None = None
    beat: str | None = None


def hindrance(problem: str | None, waits_for: str | None) -> str:
    """What is wrong in a channel, and what is waited for, in words; empty where nothing is."""
    return "; ".join(part for part in (problem, f"waits for {waits_for}" if waits_for else None) if part)


def beat_key(bot: str, life: str) -> str:
    """Where a bot beats: no channel has that key, and ``life`` makes it another one each time that the bot starts."""
    return _BEAT + leases.session_name(bot, life)


def is_beat_key(key: str) -> bool:
    """Whether a bot beats there."""
    return key.startswith(_BEAT)


def is_current(status: ChannelStatus, ages: Mapping[str, float]) -> bool:
    """Whether a status still counts.

    Args:
        status: the status.
        ages: seconds since each key of the bucket was written last, all by one clock.
    """
    if status.beat is None:
        return ages.get(status.key, REPETITION) < REPETITION
    return ages.get(status.beat, SILENCE) < SILENCE


def encode(status: ChannelStatus) -> bytes:
    """A status as it is stored."""
    return msgspec.json.encode(status)


def decode(payload: bytes) -> ChannelStatus:
    """A stored status.

    Raises:
        InvalidStatus: it is none.
    """
    try:
        return msgspec.json.decode(payload, type=ChannelStatus)
    except (msgspec.MsgspecError, ValueError) as error:
        raise InvalidStatus(str(error)) from None
