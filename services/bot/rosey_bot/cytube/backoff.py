"""How long to wait before the next attempt, by what ended the last one.

CyTube allows an address five connections at once and then one in ten seconds, and answers more with a refusal
(PROTOCOL.md 1); two bots of one account throw each other out for ever if both come back at once (PROTOCOL.md 12.12).
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final


class Cause(enum.Enum):
    """What ended a connection, or kept one from being made."""

    LOST = "lost"
    UNREACHABLE = "unreachable"
    RATE_LIMITED = "rate_limited"
    KICKED = "kicked"
    DUPLICATE_LOGIN = "duplicate_login"
    REFUSED = "refused"
    UNTRUSTED = "untrusted"


class Disconnected(Exception):
    """A connection ended, or could not be made.

    Attributes:
        cause: the kind of it, which decides how long to wait.
        word: a more exact one for the operator, one of ``rosey_core.channel_status.CAUSES``.
    """

    def __init__(self, cause: Cause, reason: str, word: str | None = None) -> None:
        super().__init__(reason)
        self.cause = cause
        self.word: Final = word or cause.value


@dataclass(frozen=True, slots=True)
class Delays:
    """Waiting times of one cause, in seconds: the first, the longest, and by what share they vary up and down."""

    first: float
    longest: float
    less: float = 0.0
    more: float = 0.5

    def after(self, failures: int, chance: float) -> float:
        """The wait after so many failures in a row, ``chance`` being between 0 and 1."""
        wait = min(self.first * 2.0 ** min(failures, 30), self.longest)
        return wait * (1 - self.less + (self.less + self.more) * chance)


DELAYS: Final = {
    Cause.LOST: Delays(first=1, longest=60, less=0.5),
    Cause.UNREACHABLE: Delays(first=1, longest=60, less=0.5),
    Cause.RATE_LIMITED: Delays(first=10, longest=120),
    Cause.KICKED: Delays(first=15, longest=300),
    Cause.DUPLICATE_LOGIN: Delays(first=60, longest=900),
    Cause.REFUSED: Delays(first=60, longest=900),
    Cause.UNTRUSTED: Delays(first=30, longest=900),
}


@dataclass(frozen=True)
class ReconnectPolicy:
    """All waiting times of the connection to CyTube.

    Attributes:
        delays: by cause.
        login: between two attempts to log in on one connection.
        patience: by so many times the longest wait of a cause must a connection outlast it, for earlier failures of
            that cause to count no more. More than the waits vary: two bots that throw each other out in turn would
            otherwise take each other's long wait for success.
        connect_timeout: seconds for a socket and its handshake.
        answer_timeout: seconds for the answer to a join or a login.
        silence: seconds without a sign of life, beyond the server's ping interval, that end a connection.
        chance: a number between 0 and 1, for the variation.
    """

    delays: dict[Cause, Delays] = field(default_factory=lambda: dict(DELAYS))
    login: Delays = Delays(first=30, longest=900)
    patience: float = 2.0
    connect_timeout: float = 15.0
    answer_timeout: float = 10.0
    silence: float = 45.0
    chance: Callable[[], float] = random.random

    def delay(self, cause: Cause, failures: int) -> float:
        """Seconds to wait after ``failures`` earlier failures in a row."""
        return self.delays[cause].after(failures, self.chance())

    def forgives(self, cause: Cause, lasted: float) -> bool:
        """Whether earlier failures of this cause count no more after a connection that lasted so many seconds."""
        return lasted >= self.patience * self.delays[cause].longest

    def login_delay(self, failures: int) -> float:
        """Seconds to wait for the next login after ``failures`` earlier refusals on this connection."""
        return self.login.after(failures, self.chance())
