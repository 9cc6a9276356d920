"""What stands in the buckets of channels: those that were added, and how all of them fare."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from msgspec import Struct
from nats.aio.client import Client
from nats.js.errors import BucketNotFoundError, KeyWrongLastSequenceError, NotFoundError
from nats.js.kv import KeyValue

from rosey_cli.failure import Failure
from rosey_core import bucket_watch, channel_entries, channel_status, streams
from rosey_core.bucket_watch import Entry
from rosey_core.channel_entries import InvalidEntry
from rosey_core.channel_status import ChannelStatus
from rosey_core.channels import possible_keys
from rosey_core.service import BAD_CONFIGURATION

UNTOLD: Final = "no bot tells of it: is one running that takes channels added at run time?"
_REMOVABLE: Final = ("user", "password", "channel_password", "proxy")
_ATTEMPTS: Final = 10
_STATE_UNTOLD: Final = "untold"
_SHORT: Final = re.compile(r"(file|env):[^:/].*")


@dataclass(frozen=True, slots=True)
class Added:
    """What became of an addition.

    Attributes:
        key: the channel's.
        was_there: whether it had been added before.
        is_shadowed: whether a bot has it in its configuration file.
        revision: of its entry now.
    """

    key: str
    was_there: bool
    is_shadowed: bool
    revision: int


@dataclass(frozen=True, slots=True)
class Contents:
    """What stands in a bucket now.

    Attributes:
        bucket: the bucket.
        entries: what stands there, by key.
    """

    bucket: KeyValue
    entries: dict[str, Entry]


@dataclass(frozen=True, slots=True)
class Told:
    """What a bot has told of a channel, and whether it counts: whether the bot still shows that it is alive."""

    status: ChannelStatus
    is_current: bool


class Row(Struct, frozen=True, kw_only=True):
    """A channel in the list: as ``ChannelStatus``, or ``untold`` where no bot tells of it, or none any more."""

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


def secret(option: str, value: str | None) -> str | None:
    """The reference that the value of an option means, if any.

    Raises:
        Failure: it is none: a secret itself belongs into no command line.
    """
    meant = reference(value)
    if meant and not meant.startswith("${"):
        where = f"file:NAME or env:{channel_entries.VARIABLE_PREFIX}NAME"
        raise Failure(f"{option}: say where the bot finds it, not what it is: {where}", BAD_CONFIGURATION)
    return meant


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
    for _ in range(_ATTEMPTS):
        try:
            return await _put(client, entry)
        except KeyWrongLastSequenceError:
            # Somebody else has written there meanwhile: perhaps another channel.
            continue
    raise Failure("too many channels are added at this moment: try again")


async def _put(client: Client, entry: dict[str, Any]) -> Added:
    places, entries, revisions = {}, {}, {}
    in_files = {key: told.status for key, told in (await _all_told(client)).items() if told.status.origin == "file"}
    for key, status in in_files.items():
        places[key] = (status.server.lower(), status.name.lower())
    added = await contents(client, streams.ADDED_CHANNELS)
    for key, stored in added.entries.items():
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
        revision = await added.bucket.update(key, payload, last=revisions[key])
    else:
        revision = await added.bucket.create(key, payload)
    return Added(key, key in entries, key in in_files, revision)


async def remove(client: Client, key: str) -> None:
    """Remove a channel that was added.

    Raises:
        Failure: there is none of this key.
    """
    added = await contents(client, streams.ADDED_CHANNELS)
    if key not in added.entries:
        told = (await _all_told(client)).get(key)
        if told is not None and told.status.origin == "file":
            raise Failure(f"{key} comes from the configuration file: take it out there")
        raise Failure(f"no channel {key} was added")
    await added.bucket.delete(key)


async def read(client: Client) -> list[Row]:
    """All channels, by key: those that bots tell of, and those that nobody tells of.

    Raises:
        Failure: there are no buckets.
    """
    rows = {}
    for key, stored in (await contents(client, streams.ADDED_CHANNELS)).entries.items():
        try:
            server, name = channel_entries.place(channel_entries.decode(stored.value or b""))
            problem = UNTOLD
        except InvalidEntry as error:
            server, name, problem = "", "", str(error)
        rows[key] = Row(key=key, origin="added", state=_STATE_UNTOLD, server=server, name=name, problem=problem)
    for key, told in (await _all_told(client)).items():
        if told.is_current or told.status.origin == "file" or key in rows:
            rows[key] = _row(told)
    return sorted(rows.values(), key=lambda row: row.key)


def _row(told: Told) -> Row:
    status = told.status
    if told.is_current:
        return Row(**{name: getattr(status, name) for name in Row.__struct_fields__})
    return Row(
        key=status.key,
        origin=status.origin,
        state=_STATE_UNTOLD,
        server=status.server,
        name=status.name,
        problem=f"{status.bot or 'its bot'} tells nothing of it any more: is it running?",
        updated=status.updated,
    )


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


async def _all_told(client: Client) -> dict[str, Told]:
    """What bots have told, by the channel's key."""
    entries = (await contents(client, streams.CHANNEL_STATUS)).entries
    ages = await bucket_watch.ages(client, streams.CHANNEL_STATUS, entries)
    found = {}
    for key, stored in entries.items():
        try:
            status = channel_status.decode(stored.value or b"")
        except channel_status.InvalidStatus:
            # A beat, for one.
            continue
        found[key] = Told(status, channel_status.is_current(status, ages))
    return found


async def contents(client: Client, name: str) -> Contents:
    """What stands in a bucket now.

    Raises:
        Failure: it is not there.
    """
    try:
        async with bucket_watch.watch(client, name) as found:
            entries = {key: entry for key, entry in found.entries.items() if entry.operation is None}
            return Contents(found.bucket, entries)
    except (BucketNotFoundError, NotFoundError):
        raise Failure("NATS has no bucket of channels: the DatabaseService makes it; is it running?") from None
