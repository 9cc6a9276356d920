"""What stands in the buckets of channels: those that were added, and how all of them fare."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from msgspec import Struct
from nats.aio.client import Client
from nats.js.errors import (
    BucketNotFoundError,
    KeyNotFoundError,
    KeyWrongLastSequenceError,
    NoKeysError,
    NotFoundError,
)
from nats.js.kv import KeyValue

from rosey_cli.failure import Failure
from rosey_core import channel_entries, channel_status, streams
from rosey_core.channel_entries import InvalidEntry
from rosey_core.channel_status import ChannelStatus
from rosey_core.channels import possible_keys
from rosey_core.service import BAD_CONFIGURATION

UNTOLD: Final = "no bot tells of it: is one running that takes channels added at run time?"
_REMOVABLE: Final = ("user", "password", "channel_password", "proxy")
_AT_ONCE: Final = 20
_ATTEMPTS: Final = 10
_SHORT: Final = re.compile(r"(file|env):[^:/].*")


@dataclass(frozen=True, slots=True)
class Added:
    """What became of an addition.

    Attributes:
        key: the channel's.
        was_there: whether it had been added before.
        is_shadowed: whether a bot has it in its configuration file.
    """

    key: str
    was_there: bool
    is_shadowed: bool


class Row(Struct, frozen=True, kw_only=True):
    """A channel in the list: as ``ChannelStatus``, or ``untold`` where no bot tells of it."""

    key: str
    origin: str
    state: str
    server: str = ""
    name: str = ""
    user: str | None = None
    users: int | None = None
    connected: int | None = None
    since: float | None = None
    problem: str | None = None
    last_failure: str | None = None
    waits_for: str | None = None
    note: str | None = None
    bot: str = ""
    worker: str | None = None
    media: str | None = None
    cause: str | None = None
    revision: int | None = None
    updated: float | None = None


def reference(secret: str | None) -> str | None:
    """``file:NAME`` and ``env:NAME`` as the reference that they mean; anything else as it is."""
    return f"${{{secret}}}" if secret is not None and _SHORT.fullmatch(secret) else secret


async def add(client: Client, entry: dict[str, Any]) -> Added:
    """Add a channel, or change one; it lasts until it is removed.

    Args:
        client: a connection.
        entry: what is to be said of the channel. What an entry that is there says beyond it stays; an empty text takes
            away what it says.

    Raises:
        Failure: it is no channel, or holds a secret in plain.
    """
    try:
        channel_entries.encode(_without_empty(entry))
    except InvalidEntry as error:
        raise Failure(str(error), BAD_CONFIGURATION) from None
    bucket = await bucket_of(client, streams.ADDED_CHANNELS)
    for _ in range(_ATTEMPTS):
        try:
            return await _put(client, bucket, entry)
        except KeyWrongLastSequenceError:
            # Somebody else has written there meanwhile: perhaps another channel.
            continue
    raise Failure("too many channels are added at this moment: try again")


async def _put(client: Client, bucket: KeyValue, entry: dict[str, Any]) -> Added:
    places, entries, revisions = {}, {}, {}
    statuses = await _statuses(client)
    for status in statuses.values():
        if status.origin == "file":
            places[status.key] = (status.server.lower(), status.name.lower())
    async for key, stored in all_of(bucket):
        try:
            entries[key] = channel_entries.decode(stored.value or b"")
        except InvalidEntry:
            continue
        places[key] = channel_entries.place(entries[key])
        revisions[key] = stored.revision
    key = _key(channel_entries.place(_without_empty(entry)), places)
    try:
        payload = channel_entries.encode(_without_empty(entries.get(key, {}) | entry))
    except InvalidEntry as error:
        raise Failure(f"with what is there already: {error}", BAD_CONFIGURATION) from None
    if key in entries:
        await bucket.update(key, payload, last=revisions[key])
    else:
        await bucket.create(key, payload)
    return Added(key, key in entries, key in statuses and statuses[key].origin == "file")


async def remove(client: Client, key: str) -> None:
    """Remove a channel that was added.

    Raises:
        Failure: there is none of this key.
    """
    bucket = await bucket_of(client, streams.ADDED_CHANNELS)
    try:
        if not re.fullmatch(r"[-/_=.a-zA-Z0-9]+", key):
            raise KeyNotFoundError
        await bucket.get(key)
    except KeyNotFoundError:
        status = (await _statuses(client)).get(key)
        if status is not None and status.origin == "file":
            raise Failure(f"{key} comes from the configuration file: take it out there") from None
        raise Failure(f"no channel {key} was added") from None
    await bucket.delete(key)


async def read(client: Client) -> list[Row]:
    """All channels, by key: those that bots tell of, and those that nobody tells of.

    Raises:
        Failure: there are no buckets.
    """
    rows = {}
    async for key, stored in all_of(await bucket_of(client, streams.ADDED_CHANNELS)):
        try:
            server, name = channel_entries.place(channel_entries.decode(stored.value or b""))
            problem = UNTOLD
        except InvalidEntry as error:
            server, name, problem = "", "", str(error)
        rows[key] = Row(key=key, origin="added", state="untold", server=server, name=name, problem=problem)
    for status in (await _statuses(client)).values():
        rows[status.key] = Row(**{name: getattr(status, name) for name in ChannelStatus.__struct_fields__})
    return sorted(rows.values(), key=lambda row: row.key)


def _key(place: tuple[str, str], places: dict[str, tuple[str, str]]) -> str:
    """The key of a channel: the one that it has, else one that no other has."""
    for key, taken in places.items():
        if taken == place:
            return key
    plain, longer = possible_keys(*place)
    free = [key for key in (plain, longer) if key not in places]
    if not free:
        raise Failure(f"the keys {plain} and {longer} are taken by other channels: remove one of them first")
    return free[0]


def _without_empty(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value != "" or name not in _REMOVABLE}


async def _statuses(client: Client) -> dict[str, ChannelStatus]:
    found = {}
    async for key, stored in all_of(await bucket_of(client, streams.CHANNEL_STATUS)):
        try:
            found[key] = channel_status.decode(stored.value or b"")
        except channel_status.InvalidStatus:
            continue
    return found


async def bucket_of(client: Client, name: str) -> KeyValue:
    """A bucket.

    Raises:
        Failure: it is not there.
    """
    try:
        return await client.jetstream().key_value(name)
    except (BucketNotFoundError, NotFoundError):
        raise Failure("NATS has no bucket of channels: the DatabaseService makes it; is it running?") from None


async def all_of(bucket: KeyValue) -> AsyncIterator[tuple[str, KeyValue.Entry]]:
    """What stands in a bucket, by key."""
    try:
        keys = await bucket.keys()
    except NoKeysError:
        return
    for begin in range(0, len(keys), _AT_ONCE):
        some = keys[begin : begin + _AT_ONCE]
        for key, entry in zip(some, await asyncio.gather(*(_get(bucket, key) for key in some)), strict=True):
            if entry is not None:
                yield key, entry


async def _get(bucket: KeyValue, key: str) -> KeyValue.Entry | None:
    try:
        return await bucket.get(key)
    except KeyNotFoundError:
        return None
