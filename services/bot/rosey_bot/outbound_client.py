"""Claims outbound messages from the database over NATS."""

from __future__ import annotations

from typing import Final

from rosey_bot.outbound import OutboundUnavailable
from rosey_bot.statistics_client import Requester
from rosey_core import queries, subjects
from rosey_core.bus import BusError

TIMEOUT: Final = 2.0


class OutboundClient:
    """``OutboundQueue`` over a bus.

    Args:
        bus: the connection; it may be down.
        claimed_by: what this bot calls itself in its claims.
        timeout: seconds that an answer may take.
    """

    def __init__(self, bus: Requester, *, claimed_by: str, timeout: float = TIMEOUT) -> None:
        self._bus: Final = bus
        self._claimed_by: Final = claimed_by
        self._timeout: Final = timeout

    async def claim(self, channel: str, limit: int, seconds: float) -> list[queries.ClaimedMessage]:
        """Claim messages; raises ``OutboundUnavailable``."""
        question = queries.ClaimMessages(limit=limit, seconds=seconds, claimed_by=self._claimed_by)
        subject = subjects.for_channel(question.SUBJECT, channel)
        try:
            answer = await self._bus.request(subject, queries.encode(question), self._timeout)
            messages: list[queries.ClaimedMessage] = queries.decode_reply(queries.ClaimMessages, answer)
        except (BusError, queries.RequestFailed) as error:
            raise OutboundUnavailable(str(error)) from None
        return messages
