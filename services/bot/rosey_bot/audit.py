"""The record of what moderators asked the bot to do: the attempt before it, the outcome after it, under one id."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

from rosey_bot.cytube import frames
from rosey_bot.sink import EventSink
from rosey_bot.timeline import Timeline
from rosey_core import identity
from rosey_core.events import PmCommand

MASK: Final = "***"
LONGEST_COMMAND: Final = 64
_QUOTES: Final = "\"'“”„«»"
"""What may stand around an argument."""


class Audit:
    """One channel's record.

    Args:
        channel: the channel's key.
        sink: takes the events; a failure there is never a command's.
        timeline: the channel's times.
        secrets: values that are masked where an argument is one.
    """

    def __init__(self, channel: str, sink: EventSink, timeline: Timeline, secrets: Iterable[str] = ()) -> None:
        self._channel: Final = channel
        self._sink: Final = sink
        self._timeline: Final = timeline
        self._secret: re.Pattern[str] | None = None
        self.mask(secrets)

    def mask(self, secrets: Iterable[str]) -> None:
        """From now on mask these values, and only these."""
        # Longest first: a secret that contains another one must not leave its rest readable.
        alternatives = "|".join(re.escape(secret) for secret in sorted(set(secrets), key=len, reverse=True) if secret)
        edge = rf"[^\s{_QUOTES}]"
        self._secret = re.compile(rf"(?<!{edge})(?:{alternatives})(?!{edge})") if alternatives else None

    def attempt(self, username: str, command: str, args: str) -> Attempt:
        """Record that a command is about to be carried out.

        Args:
            username: who asks, as CyTube spells the name.
            command: the first word as typed.
            args: the rest as typed.
        """
        # Masked as one text: a secret with a space in it begins as the command's name.
        command, _, args = self.masked(f"{command} {args}").partition(" ")
        attempt = Attempt(self, username, command[:LONGEST_COMMAND], args)
        attempt.publish("pending")
        return attempt

    def masked(self, text: str) -> str:
        """``text`` with each configured secret in it masked."""
        return text if self._secret is None else self._secret.sub(MASK, text)

    def publish(self, attempt: Attempt, result: Literal["pending", "success", "error"], error: str | None) -> None:
        """Publish one state of an attempt."""
        self._sink.publish(
            PmCommand(
                channel=self._channel,
                timestamp=self._timeline.now(),
                platform=frames.PLATFORM,
                id=attempt.id,
                username=attempt.username,
                command=attempt.command,
                args=attempt.args,
                result=result,
                error=None if error is None else self.masked(error),
            )
        )


class Attempt:
    """One command on record."""

    def __init__(self, audit: Audit, username: str, command: str, args: str) -> None:
        self._audit: Final = audit
        self.id: Final = identity.uuid7()
        self.username: Final = username
        self.command: Final = command
        self.args: Final = args

    def succeeded(self) -> None:
        """It did what it should."""
        self.publish("success")

    def failed(self, error: str) -> None:
        """It did not."""
        self.publish("error", error)

    def publish(self, result: Literal["pending", "success", "error"], error: str | None = None) -> None:
        """Publish the state."""
        self._audit.publish(self, result, error)
