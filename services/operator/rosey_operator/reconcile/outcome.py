"""What became of a resource, in its status: fields, conditions, and the events that their changes are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from rosey_core.channel_status import ChannelStatus as BotStatus
from rosey_core.channel_status import hindrance
from rosey_core.text import one_line
from rosey_operator.reconcile.declared import Event
from rosey_operator.reconcile.state import Actual, Channel
from rosey_operator.resources.conditions import Condition, ConditionStatus, condition, continued
from rosey_operator.resources.cytube_channel import ACCEPTED, CONNECTED, READY, ChannelSpec, ChannelStatus

_LONGEST_TITLE: Final = 120
_UNDERWAY: Final = frozenset(
    {"Connecting", "Waiting", "Pending", "NoWorker", "Disabled", "NatsUnavailable", "MissingSecret"}
)
"""Reasons that pass by themselves, as a file's that the kubelet is to bring, or are wanted: nothing to warn of."""
NO_WORKER: Final = "no bot tells of it: is one running that takes channels added at run time?"

Told = tuple[ConditionStatus, str, str]
"""A condition's status, reason and message."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a resource was handed to the bots.

    Attributes:
        told: how that stands in the condition ``Accepted``.
        key: the channel's key, where it was.
        revision: of its entry; ``None`` while that is being written.
    """

    told: Told
    key: str | None = None
    revision: int | None = None

    @classmethod
    def accepted(cls, key: str, revision: int | None, remark: str) -> Outcome:
        """It was, or will be at once."""
        if remark:
            return cls(("True", "SecretGone", remark), key, revision)
        return cls(("True", "Accepted", f"handed to the bots as {key}"), key, revision)

    @classmethod
    def refused(cls, reason: str, why: str) -> Outcome:
        """It was not."""
        return cls(("False", reason, why))

    @classmethod
    def unknown(cls, reason: str, why: str) -> Outcome:
        """Nobody knows."""
        return cls(("Unknown", reason, why))


def status_of(channel: Channel, outcome: Outcome, actual: Actual, now: float) -> ChannelStatus:
    """The status of a resource, at ``now`` in Unix seconds."""
    told = actual.statuses.get(outcome.key) if outcome.key is not None else None
    accepted, connected, ready = _conditions(channel, outcome, told)
    conditions = [
        condition(type, *words, generation=channel.generation, now=now)
        for type, words in ((ACCEPTED, accepted), (CONNECTED, connected), (READY, ready))
    ]
    known = {"observed_generation": channel.generation, "conditions": continued(conditions, channel.status.conditions)}
    if accepted[0] == "Unknown":
        # What was known last is better than nothing; the conditions say that it is old.
        return channel.status.model_copy(update=known)
    if told is None:
        return ChannelStatus(key=outcome.key).model_copy(update=known)
    joined = told.state == "joined"
    found = ChannelStatus(
        key=outcome.key,
        worker=told.worker or told.bot or None,
        user=told.user if joined else None,
        users=told.users,
        viewers=told.connected,
        now_playing=one_line(told.media)[:_LONGEST_TITLE] if told.media else None,
        connected_since=datetime.fromtimestamp(int(told.since), UTC) if told.since is not None else None,
    )
    return found.model_copy(update=known)


def _conditions(channel: Channel, outcome: Outcome, told: BotStatus | None) -> tuple[Told, Told, Told]:
    accepted = outcome.told
    if accepted[0] != "True":
        return accepted, accepted, accepted
    enabled = isinstance(channel.spec, ChannelSpec) and channel.spec.enabled
    connected: Told
    if told is None and not enabled:
        connected = ("False", "Disabled", "spec.enabled is false")
    elif told is None:
        connected = ("Unknown", "NoWorker", NO_WORKER)
    else:
        connected = _connected(told)
    ready = connected
    if not enabled:
        ready = ("False", "Disabled", "spec.enabled is false")
    elif told is not None and connected[0] == "True":
        if told.problem is not None:
            # Without a cause it is on its way to its name.
            ready = ("False", _camel(told.cause) or ("Waiting" if told.waits_for else "Connecting"), _why_not(told))
        elif not _is_applied(told, outcome):
            ready = ("False", "Pending", "the bot has not taken what was changed yet")
    return accepted, connected, ready


def _connected(told: BotStatus) -> Told:
    reason = _camel(told.cause)
    who = told.worker or told.bot or "a bot"
    if told.state == "joined":
        text = f"{who} is in the room" + (f" as {told.user}" if told.user else "")
        return "True", "Joined", text if told.note is None else f"{text}; {one_line(told.note)}"
    text = _why_not(told)
    if told.state == "invalid":
        return "False", reason or "Invalid", text
    if told.state == "waiting":
        return "False", reason or "Waiting", text
    return "False", reason or "Connecting", text or one_line(told.last_failure or "a bot is on its way")


def _why_not(told: BotStatus) -> str:
    """What is wrong, and what is waited for."""
    return one_line(hindrance(told.problem, told.waits_for))


def _is_applied(told: BotStatus, outcome: Outcome) -> bool:
    if outcome.revision is None:
        return False
    # Bots before this release do not tell.
    return told.revision is None or told.revision >= outcome.revision


def _camel(cause: str | None) -> str:
    return "".join(part.capitalize() for part in (cause or "").split("_"))


def events_between(before: ChannelStatus, after: ChannelStatus) -> Iterator[Event]:
    """The events that lead from one status to another; the same reason but once."""
    old = {one.type: one for one in before.conditions}
    told: set[str] = set()
    for one in after.conditions:
        if _is_news(one, old.get(one.type)) and one.reason not in told:
            told.add(one.reason)
            is_bad = one.status == "False" and one.reason not in _UNDERWAY
            yield Event("Warning" if is_bad else "Normal", one.reason, one.message)


def _is_news(one: Condition, old: Condition | None) -> bool:
    if old is not None and (old.status, old.reason) == (one.status, one.reason):
        return False
    if one.type == ACCEPTED:
        return one.status != "Unknown"
    if one.reason in _UNDERWAY:
        # On its way for the first time is no news; no longer in the room is.
        return old is not None and old.status == "True" and one.type == CONNECTED
    return one.type == CONNECTED or one.status == "False"
