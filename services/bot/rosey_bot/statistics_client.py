"""Asks the database over NATS what it knows of channels and users."""

from __future__ import annotations

from typing import Any, Final, Protocol

from rosey_bot.commands.statistics import StatisticsError, StatisticsTimeout, StatisticsUnavailable
from rosey_core import queries, subjects
from rosey_core.bus import NoResponders, NotConnected, RequestTimeout

TIMEOUT: Final = 0.8
"""Seconds: with it, an answer to a moderator takes less than one."""


class Requester(Protocol):
    """What of a bus is needed here."""

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        """Ask and return the answer, or raise ``NotConnected``, ``NoResponders`` or ``RequestTimeout``."""


class StatisticsClient:
    """``Statistics`` over a bus.

    Args:
        bus: the connection; it may be down.
        timeout: seconds that an answer may take.

    Attributes:
        timeout: as given; another one counts from the next question on.
    """

    def __init__(self, bus: Requester, *, timeout: float = TIMEOUT) -> None:
        self._bus: Final = bus
        self.timeout = timeout

    async def channel_stats(self, channel: str) -> queries.ChannelStatistics:
        """What is known of a channel; raises ``StatisticsFailure``."""
        stats: queries.ChannelStatistics = await self._ask(queries.ChannelStats(), channel)
        return stats

    async def user_stats(self, channel: str, username: str) -> queries.UserStatistics:
        """What is known of a user in a channel; raises ``StatisticsFailure``."""
        stats: queries.UserStatistics = await self._ask(queries.UserStats(username=username), channel)
        return stats

    async def _ask(self, question: queries.Request, channel: str) -> Any:
        subject = subjects.for_channel(question.SUBJECT, channel)
        try:
            answer = await self._bus.request(subject, queries.encode(question), self.timeout)
            return queries.decode_reply(type(question), answer)
        except NotConnected:
            raise StatisticsUnavailable from None
        except (NoResponders, RequestTimeout):
            raise StatisticsTimeout from None
        except queries.RequestFailed as failure:
            raise StatisticsError(str(failure)) from None
