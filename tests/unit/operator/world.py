"""A world of resources, a bucket, a Secret and bots, in which actions are carried out as the operator does."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from rosey_core import channel_entries
from rosey_core.channel_status import ChannelStatus as BotStatus
from rosey_operator.reconcile.channels import reconcile
from rosey_operator.reconcile.declared import Event, SetStatus
from rosey_operator.reconcile.state import (
    Action,
    Actual,
    Channel,
    CopySecrets,
    DeleteEntry,
    Entry,
    PutEntry,
    Scope,
    Wanted,
)
from rosey_operator.resources.cytube_channel import ChannelSpec, ChannelStatus


def uid(number: int) -> str:
    return str(UUID(int=number))


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def channel(number: int, name: str = "", *, namespace: str = "chat", generation: int = 1, **spec: Any) -> Channel:
    """The resource of this number, made at that second; its name is its number's."""
    return Channel(
        namespace=namespace,
        name=f"c{number}",
        uid=uid(number),
        generation=generation,
        created=f"2026-01-01T00:00:{number % 60:02}Z",
        spec=ChannelSpec.model_validate({"channel": name or f"room{number}", **spec}),
        status=ChannelStatus(),
    )


def entry(value: Mapping[str, Any], revision: int) -> Entry:
    return Entry(value, revision, channel_entries.owner_of(value), channel_entries.place(value))


@dataclass
class World:
    """What is, and what people want; ``pass_once`` lets the operator work."""

    channels: dict[str, Channel] = field(default_factory=dict)
    secrets: dict[tuple[str, str], dict[str, str] | None] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)
    statuses: dict[str, BotStatus] = field(default_factory=dict)
    copies: dict[str, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    scope: Scope = field(default_factory=lambda: Scope("chat"))
    nats: bool = True
    now: float = 1_800_000_000.0
    revision: int = 0

    def declare(self, *channels: Channel) -> None:
        for one in channels:
            before = self.channels.get(one.uid)
            self.channels[one.uid] = replace(one, status=before.status) if before else one

    def add(self, key: str, value: Mapping[str, Any]) -> None:
        """As ``rosey channel add`` does."""
        self.revision += 1
        self.entries[key] = entry(value, self.revision)

    def look(self) -> tuple[Wanted, Actual]:
        entries = dict(self.entries) if self.nats else None
        return (
            Wanted(list(self.channels.values()), dict(self.secrets)),
            Actual(entries, dict(self.statuses) if self.nats else {}, dict(self.copies), "NATS is away"),
        )

    def pass_once(self) -> list[Action]:
        actions = reconcile(*self.look(), self.scope, self.now)
        self.carry_out(actions)
        return actions

    def settle(self) -> None:
        """Let the operator work until there is nothing to do, which is soon."""
        for _ in range(3):
            if not self.pass_once():
                return
        assert not self.pass_once(), "it does not come to rest"

    def carry_out(self, actions: Collection[Action]) -> None:
        for action in actions:
            match action:
                case PutEntry(key, value, revision):
                    present = self.entries.get(key)
                    assert (None if present is None else present.revision) == revision, key
                    channel_entries.encode(value)
                    self.add(key, value)
                case DeleteEntry(key, revision):
                    assert self.entries.pop(key).revision == revision
                case CopySecrets(values):
                    for name, text in values.items():
                        if text is None:
                            del self.copies[name]
                        else:
                            self.copies[name] = text
                case SetStatus(channel, status, events):
                    self.channels[channel.uid] = replace(channel, status=status)
                    self.events += events

    def bots_join(self) -> None:
        """Let a bot be in every room that is in the bucket."""
        for key, one in self.entries.items():
            if one.value.get("enabled", True):
                self.tell(key, state="joined", user=one.value.get("user"), revision=one.revision)
            else:
                self.statuses.pop(key, None)
        for key in self.statuses.keys() - self.entries.keys():
            del self.statuses[key]

    def tell(self, key: str, **told: Any) -> None:
        self.statuses[key] = BotStatus(
            **{"key": key, "origin": "added", "state": "joined", "updated": self.now, "worker": "bot-0", **told}
        )

    def condition(self, number: int, type: str = "Ready") -> tuple[str, str, str]:
        [found] = [one for one in self.channels[uid(number)].status.conditions if one.type == type]
        return found.status, found.reason, found.message
