"""What is wanted, what is, and what can be done about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from rosey_core.channel_entries import Owner
from rosey_core.channel_status import ChannelStatus as BotStatus
from rosey_operator.reconcile.declared import Declared, SetStatus
from rosey_operator.resources.cytube_channel import ChannelSpec, ChannelStatus

Place = tuple[str, str]
"""A channel's server and name in lower case."""

Channel = Declared[ChannelSpec, ChannelStatus]
"""A ``CytubeChannel`` as it stands."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose resources these are: those of one namespace, or all.

    Attributes:
        namespace: the namespace; ``None`` for all.
    """

    namespace: str | None = None

    def holds(self, owner: Owner | None) -> bool:
        """Whether an entry of this owner is one of ours."""
        return owner is not None and owner.kind == "CytubeChannel" and self.namespace in (None, owner.namespace)


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands in the bucket of channels under a key.

    Attributes:
        value: the entry; empty where it cannot be understood.
        revision: its revision.
        owner: who put it there.
        place: the channel that it means; ``None`` where it means none.
    """

    value: Mapping[str, Any]
    revision: int
    owner: Owner | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What people have declared.

    Attributes:
        channels: the resources.
        secrets: the data of the Secrets that they refer to, in base64, by namespace and name; ``None`` for one that is
            not there. One that is not in it could not be read: what was known of it last is used on.
    """

    channels: Collection[Channel]
    secrets: Mapping[tuple[str, str], Mapping[str, str] | None]


@dataclass(frozen=True, slots=True)
class Actual:
    """What is.

    Attributes:
        entries: the bucket of channels by key; ``None`` while NATS is away.
        statuses: what the bots tell, by key; only what is fresh.
        copies: the data of the Secret that the bots see, in base64.
        problem: why there are no entries.
    """

    entries: Mapping[str, Entry] | None
    statuses: Mapping[str, BotStatus]
    copies: Mapping[str, str]
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PutEntry:
    """Write an entry, if its revision is still this one; ``None``: if there is none."""

    key: str
    value: Mapping[str, Any]
    revision: int | None


@dataclass(frozen=True, slots=True)
class DeleteEntry:
    """Delete an entry, if its revision is still this one."""

    key: str
    revision: int


@dataclass(frozen=True, slots=True)
class CopySecrets:
    """Change the Secret that the bots see, and have its files brought to them.

    Attributes:
        values: in base64, by the name of the file; ``None`` takes it away.
    """

    values: Mapping[str, str | None]

    def __repr__(self) -> str:
        return f"CopySecrets({sorted(self.values)})"


Action = PutEntry | DeleteEntry | CopySecrets | SetStatus[ChannelSpec, ChannelStatus]
