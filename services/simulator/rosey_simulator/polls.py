"""Polls (PROTOCOL section 9)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rosey_simulator.chat.markup import LINK, escaped
from rosey_simulator.feature import Acknowledge, Feature, Handler
from rosey_simulator.frames import Frame
from rosey_simulator.member import Member
from rosey_simulator.scheduler import Timer

MAX_OPTIONS = 50
MAX_CHARACTERS = 255
MAX_TIMEOUT_SECONDS = 86400


class PollRefused(Exception):
    """The poll cannot be opened; the text goes to whoever asked."""


@dataclass
class Poll:
    title: str
    options: list[str]
    initiator: str
    timestamp: int
    obscured: bool
    retain_votes: bool
    votes: dict[str, int] = field(default_factory=dict)
    timer: Timer | None = None

    def counts(self) -> list[int]:
        totals = [0] * len(self.options)
        for option in self.votes.values():
            totals[option] += 1
        return totals

    def as_json(self, *, sees_counts: bool) -> dict[str, Any]:
        counts: list[Any] = list(self.counts())
        if self.obscured:
            counts = [f"{count}?" if sees_counts else "?" for count in counts]
        return {
            "title": self.title,
            "options": self.options,
            "counts": counts,
            "initiator": self.initiator,
            "timestamp": self.timestamp,
        }


class Polls(Feature):
    """At most one poll at a time. Votes are counted by address and can be changed."""

    poll: Poll | None = None

    def handlers(self) -> Mapping[str, Handler]:
        return {"vote": self._vote, "closePoll": self._close}

    def welcome(self, member: Member) -> None:
        if self.poll is not None:
            member.deliver(self._frame("newPoll", self.poll, member))

    def depart(self, member: Member) -> None:
        poll = self.poll
        if poll is not None and not poll.retain_votes and poll.votes.pop(member.address, None) is not None:
            self._show("updatePoll", poll)

    def unload(self) -> None:
        if self.poll is not None:
            self.poll.votes.clear()

    def handle_new(self, member: Member, data: dict[str, Any], acknowledge: Acknowledge | None) -> None:
        """The one client frame with an acknowledgement: {} or {error: {message}}; without one, errors are frames."""
        if not self.room.permissions.allows(member, "pollctl"):
            return
        try:
            self._check(data)
        except PollRefused as reason:
            if acknowledge is not None:
                acknowledge({"error": {"message": str(reason)}})
            else:
                member.send("errorMsg", {"msg": str(reason)})
            return
        self.open(
            member,
            data["title"],
            data["opts"],
            obscured=data["obscured"],
            timeout=data.get("timeout"),
            retain_votes=bool(data.get("retainVotes")),
        )
        if acknowledge is not None:
            acknowledge({})

    def open(
        self,
        member: Member,
        title: str,
        options: list[str],
        *,
        obscured: bool,
        timeout: float | None = None,
        retain_votes: bool = False,
    ) -> None:
        """Open a poll and close the running one. The texts are taken as typed."""
        self._close_running()
        texts = [_poll_text(option[:MAX_CHARACTERS]) for option in options[:MAX_OPTIONS]]
        poll = Poll(_poll_text(title[:MAX_CHARACTERS]), texts, member.name, self.room.now_ms(), obscured, retain_votes)
        self.poll = poll
        self._show("newPoll", poll)
        if timeout is not None:
            poll.timer = self.room.scheduler.call_later(timeout, self._close_running)

    def _check(self, data: dict[str, Any]) -> None:
        options = data["opts"]
        if len(data["title"]) > MAX_CHARACTERS:
            raise PollRefused(f"Poll title must be no more than {MAX_CHARACTERS} characters long.")
        if len(options) > MAX_OPTIONS:
            raise PollRefused(f"Polls are limited to a maximum of {MAX_OPTIONS} options.")
        if not all(isinstance(option, str) and 0 < len(option) <= MAX_CHARACTERS for option in options):
            raise PollRefused(f"Poll options must be 1-{MAX_CHARACTERS} characters long.")
        timeout = data.get("timeout")
        if timeout is not None and not 1 <= timeout <= MAX_TIMEOUT_SECONDS:
            raise PollRefused(f"Poll timeout must be between 1 and {MAX_TIMEOUT_SECONDS} seconds")

    def _vote(self, member: Member, data: Any) -> None:
        poll, option = self.poll, data["option"]
        if poll is None or not self.room.permissions.allows(member, "pollvote"):
            return
        if option != int(option) or not 0 <= option < len(poll.options) or poll.votes.get(member.address) == option:
            return
        poll.votes[member.address] = int(option)
        self._show("updatePoll", poll)

    def _close(self, member: Member, _data: Any) -> None:
        if self.room.permissions.allows(member, "pollctl"):
            self._close_running()

    def _close_running(self) -> None:
        poll, self.poll = self.poll, None
        if poll is None:
            return
        if poll.timer is not None:
            poll.timer.cancel()
        if poll.obscured:
            poll.obscured = False
            self._show("updatePoll", poll)
        self.room.broadcast("closePoll", None)

    def _show(self, event: str, poll: Poll) -> None:
        if not poll.obscured:
            self.room.broadcast(event, poll.as_json(sees_counts=True))
            return
        for member in self.room.audience:
            member.deliver(self._frame(event, poll, member))

    def _frame(self, event: str, poll: Poll, member: Member) -> Frame:
        return Frame(event, poll.as_json(sees_counts=self.room.permissions.allows(member, "viewhiddenpoll")))


def _poll_text(text: str) -> str:
    def anchor(match: re.Match[str]) -> str:
        link = match[0]
        # The misspelt "noreferer" is CyTube's.
        return f'<a href="{link}" target="_blank" rel="noopener noreferer">{link}</a>'

    return LINK.sub(anchor, escaped(text))
