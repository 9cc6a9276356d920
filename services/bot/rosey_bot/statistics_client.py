"""Asks the database over NATS what it knows of channels and users."""

from __future__ import annotations

from typing import Any, Final, Protocol, TypeVar

import msgspec

from rosey_bot.commands.statistics import (
    ChannelStats,
    StatisticsError,
    StatisticsTimeout,
    StatisticsUnavailable,
    UserStats,
)
from rosey_core import subjects
from rosey_core.bus import NoResponders, NotConnected, RequestTimeout

TIMEOUT: Final = 0.8
"""Seconds: with it, an answer to a moderator takes less than one."""

T = TypeVar("T")


class Requester(Protocol):
    """What of a bus is needed here."""

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        """Ask and return the answer, or raise ``NotConnected``, ``NoResponders`` or ``RequestTimeout``."""


class _Refusal(msgspec.Struct):
    success: bool = True
    error: str = "no reason given"


class StatisticsClient:
    """``Statistics`` over a bus.

    Args:
        bus: the connection; it may be down.
        timeout: seconds that an answer may take.
    """

    def __init__(self, bus: Requester, *, timeout: float = TIMEOUT) -> None:
        self._bus: Final = bus
        self._timeout: Final = timeout

    async def channel_stats(self, channel: str) -> ChannelStats:
        """What is known of a channel; raises ``StatisticsFailure``."""
        return await self._ask(subjects.QUERY_CHANNEL_STATS, channel, {}, ChannelStats)

    async def user_stats(self, channel: str, username: str) -> UserStats:
        """What is known of a user in a channel; raises ``StatisticsFailure``."""
        return await self._ask(subjects.QUERY_USER_STATS, channel, {"username": username}, UserStats)

    async def _ask(self, subject: str, channel: str, question: dict[str, Any], kind: type[T]) -> T:
        try:
            answer = await self._bus.request(
                subjects.for_channel(subject, channel), msgspec.json.encode(question), self._timeout
            )
        except NotConnected:
            raise StatisticsUnavailable from None
        except (NoResponders, RequestTimeout):
            raise StatisticsTimeout from None
        try:
            refusal = msgspec.json.decode(answer, type=_Refusal)
            if refusal.success:
                return msgspec.json.decode(answer, type=kind)
        except (msgspec.MsgspecError, ValueError):
            raise StatisticsError("the database's answer cannot be read") from None
        raise StatisticsError(refusal.error)
