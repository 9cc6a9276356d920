"""What a bot tells of one of its channels, as it stands in the bucket ``streams.CHANNEL_STATUS``."""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Struct

State = Literal["joined", "connecting", "waiting", "invalid"]
Origin = Literal["file", "added"]


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
