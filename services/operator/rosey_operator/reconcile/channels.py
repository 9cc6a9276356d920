"""From ``CytubeChannel`` resources to entries for the bots, copies of secrets, and the status of each resource.

What nobody here owns is left alone: an entry without owner was added by ``rosey channel add``. Of two resources that
mean the same channel the older has it. While NATS is away, entries stay as they are.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from rosey_core import channel_entries
from rosey_core.channel_entries import InvalidEntry
from rosey_core.channels import possible_keys
from rosey_operator.reconcile.declared import SetStatus
from rosey_operator.reconcile.outcome import Outcome, events_between, status_of
from rosey_operator.reconcile.state import (
    Action,
    Actual,
    Channel,
    CopySecrets,
    DeleteEntry,
    Entry,
    Place,
    PutEntry,
    Scope,
    Wanted,
)
from rosey_operator.resources.cytube_channel import KIND, ChannelSpec, SecretKey

LONGEST_SECRET: Final = 1000
"""Characters of a password or of a proxy's address."""
_COPY: Final = re.compile(r"[0-9a-f-]{36}-(password|channel-password|proxy)")


def reconcile(wanted: Wanted, actual: Actual, scope: Scope, now: float) -> list[Action]:
    """What is to be done, in order.

    Args:
        wanted: what people have declared.
        actual: what is.
        scope: whose entries may be changed.
        now: Unix seconds.
    """
    channels = sorted(wanted.channels, key=lambda channel: (channel.created, channel.uid))
    secrets = {channel.uid: _Secrets(channel, wanted, actual.copies) for channel in channels}
    outcomes, entries = _decide(channels, secrets, actual, scope)
    actions: list[Action] = []
    copies = {name: value for one in secrets.values() for name, value in one.copies.items()}
    changed: dict[str, str | None] = {name: value for name, value in copies.items() if actual.copies.get(name) != value}
    changed |= {name: None for name in actual.copies if name not in copies and _COPY.fullmatch(name)}
    if changed:
        actions.append(CopySecrets(changed))
    actions += entries
    for channel in channels:
        status = status_of(channel, outcomes[channel.uid], actual, now)
        if status.as_json() != channel.status.as_json():
            actions.append(SetStatus(channel, status, tuple(events_between(channel.status, status))))
    return actions


def secrets_of(channel: Channel) -> set[tuple[str, str]]:
    """The Secrets that a resource refers to, by namespace and name."""
    return {(channel.namespace, at.name) for _, at in _references(channel)}


def _decide(
    channels: list[Channel], secrets: Mapping[str, _Secrets], actual: Actual, scope: Scope
) -> tuple[dict[str, Outcome], list[Action]]:
    """What becomes of each resource, by its uid, and what is to be done with the bucket."""
    outcomes: dict[str, Outcome] = {}
    holders: dict[Place, Channel] = {}
    for channel in channels:
        place = _place(channel)
        if isinstance(place, str):
            outcomes[channel.uid] = Outcome.refused("Invalid", place)
            continue
        holder = holders.setdefault(place, channel)
        if holder is not channel:
            older = f"the older {KIND} {holder.namespace}/{holder.name} has this channel"
            outcomes[channel.uid] = Outcome.refused("Conflict", f"{older}: delete one of the two")
    if actual.entries is None:
        for channel in holders.values():
            outcomes[channel.uid] = Outcome.unknown("NatsUnavailable", actual.problem)
        return outcomes, []
    return outcomes, _fill(holders, outcomes, secrets, actual.entries, actual, scope)


def _fill(
    holders: Mapping[Place, Channel],
    outcomes: dict[str, Outcome],
    secrets: Mapping[str, _Secrets],
    entries: Mapping[str, Entry],
    actual: Actual,
    scope: Scope,
) -> list[Action]:
    ours = {key: entry for key, entry in entries.items() if scope.holds(entry.owner)}
    foreign = {entry.place: key for key, entry in entries.items() if key not in ours}
    in_files = {
        (status.server.lower(), status.name.lower()): key
        for key, status in actual.statuses.items()
        if status.origin == "file"
    }
    taken = {key for key in entries if key not in ours} | set(in_files.values())
    kept: set[str] = set()
    puts: list[Action] = []
    waiting: list[tuple[Place, Channel]] = []

    def put(key: str, channel: Channel) -> None:
        entry = entries.get(key)
        value = _entry(channel, secrets[channel.uid])
        if entry is None or entry.value != value:
            puts.append(PutEntry(key, value, None if entry is None else entry.revision))
        kept.add(key)
        outcomes[channel.uid] = Outcome.accepted(
            key, None if entry is None or entry.value != value else entry.revision, secrets[channel.uid].remark
        )

    for place, channel in holders.items():
        own = secrets[channel.uid]
        # One that another resource had is taken over where it is: the bot stays in the room.
        present = sorted(key for key, entry in ours.items() if entry.place == place)
        if place in foreign:
            outcomes[channel.uid] = Outcome.refused("AddedElsewhere", _added_elsewhere(foreign[place], entries))
        elif place in in_files:
            text = f"a bot has this channel in its configuration file (as {in_files[place]}): take it out there"
            outcomes[channel.uid] = Outcome.refused("InConfigurationFile", text)
        elif own.missing:
            outcomes[channel.uid] = Outcome.refused("SecretMissing", own.missing)
            # Its own from before it asked for that Secret; not that of one which is gone.
            kept.update(key for key in present if _owner(ours[key]) == channel.uid)
        elif present:
            put(present[0], channel)
        else:
            waiting.append((place, channel))
    taken |= kept
    for place, channel in waiting:
        free = [key for key in possible_keys(*place) if key not in taken]
        if not free:
            text = f"the keys {' and '.join(possible_keys(*place))} are taken by other channels: remove one of them"
            outcomes[channel.uid] = Outcome.refused("Conflict", text)
            continue
        taken.add(free[0])
        put(free[0], channel)
    gone = [DeleteEntry(key, entry.revision) for key, entry in sorted(ours.items()) if key not in kept]
    # First those that go: a key may be another's from now on.
    return [*gone, *puts]


def _owner(entry: Entry) -> str | None:
    return None if entry.owner is None else entry.owner.uid


def _added_elsewhere(key: str, entries: Mapping[str, Entry]) -> str:
    owner = entries[key].owner
    if owner is None:
        return f"this channel was added by `rosey channel add`: `rosey channel remove {key}` gives it free"
    return f"{owner.kind} {owner.namespace}/{owner.name}, which is another operator's, has this channel"


def _place(channel: Channel) -> Place | str:
    """The channel that a resource means; a text where it means none: why."""
    if isinstance(channel.spec, str):
        return channel.spec
    try:
        entry = _entry(channel, None)
        channel_entries.encode(entry)
        return channel_entries.place(entry)
    except InvalidEntry as error:
        return str(error)


def _entry(channel: Channel, secrets: _Secrets | None) -> dict[str, Any]:
    """What the bots are told of a resource."""
    spec = channel.spec
    if isinstance(spec, str):
        raise TypeError(spec)
    entry: dict[str, Any] = {"channel": spec.channel, "server": spec.server}
    if spec.user is not None:
        entry["user"] = spec.user
    if spec.proxy is not None:
        entry["proxy"] = spec.proxy
    if not spec.enabled:
        entry["enabled"] = False
    if secrets is not None:
        entry |= {field.replace("-", "_"): f"${{file:{name}}}" for field, name in secrets.names.items()}
    owner = {"kind": KIND, "namespace": channel.namespace, "name": channel.name, "uid": channel.uid}
    return {**entry, channel_entries.OWNER: {**owner, "generation": channel.generation}}


class _Secrets:
    """The secrets of a resource.

    Attributes:
        names: the files that the bots see, by field.
        copies: what those hold, in base64.
        missing: why there is one of which nothing is known; empty where there is none.
        remark: why one is used that is not there any more; empty where there is none.
    """

    def __init__(self, channel: Channel, wanted: Wanted, present: Mapping[str, str]) -> None:
        self.names: dict[str, str] = {}
        self.copies: dict[str, str] = {}
        self.missing = self.remark = ""
        for field, at in _references(channel):
            name = self.names[field] = f"{channel.uid}-{field}"
            problem = ""
            place = channel.namespace, at.name
            data = wanted.secrets.get(place, {}) if place in wanted.secrets else {at.key: present.get(name, "")}
            if data is None:
                problem = f"there is no Secret {at.name} in the namespace {channel.namespace}"
            elif at.key not in data:
                problem = f"the Secret {at.name} has no key {at.key}"
            elif fault := _fault(data[at.key]):
                problem = f"the key {at.key} of the Secret {at.name} {fault}"
            else:
                self.copies[name] = data[at.key]
            if problem and name in present:
                # A Secret that goes for a moment must not cost the room.
                self.copies[name] = present[name]
                self.remark = f"{problem}: what it was before is used on"
            elif problem:
                self.missing = problem


def _references(channel: Channel) -> Iterator[tuple[str, SecretKey]]:
    spec = channel.spec
    if isinstance(spec, ChannelSpec):
        for field, at in (
            ("password", spec.password_secret_ref),
            ("channel-password", spec.channel_password_secret_ref),
            ("proxy", spec.proxy_secret_ref),
        ):
            if at is not None:
                yield field, at


def _fault(value: str) -> str:
    """What is wrong with what a Secret holds, in base64; empty where nothing is."""
    if not value:
        return "is empty, or could not be read"
    try:
        text = base64.b64decode(value).decode()
    except ValueError:
        return "is not UTF-8 text"
    if not text.strip("\r\n"):
        return "is empty"
    # All copies are in one Secret: nobody may fill it.
    return "" if len(text) <= LONGEST_SECRET else f"has more than {LONGEST_SECRET} characters"
