"""Claims outbound messages from the database over NATS."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from rosey_bot.outbound import OutboundMessage, OutboundUnavailable
from rosey_bot.statistics_client import Requester
from rosey_core import subjects
from rosey_core.bus import BusError

TIMEOUT: Final = 2.0


class _Claimed(Struct):
    success: bool = True
    error: str = "no reason given"
    messages: list[OutboundMessage] = []


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

    async def claim(self, channel: str, limit: int) -> list[OutboundMessage]:
        """Claim messages; raises ``OutboundUnavailable``."""
        subject = subjects.for_channel(subjects.OUTBOUND_CLAIM, channel)
        question = msgspec.json.encode({"limit": limit, "claimed_by": self._claimed_by})
        try:
            answer = await self._bus.request(subject, question, self._timeout)
        except BusError as error:
            raise OutboundUnavailable(str(error)) from None
        try:
            claimed = msgspec.json.decode(answer, type=_Claimed | list[OutboundMessage])
        except (msgspec.MsgspecError, ValueError):
            raise OutboundUnavailable("the database's answer cannot be read") from None
        if isinstance(claimed, list):
            return claimed
        if not claimed.success:
            raise OutboundUnavailable(claimed.error)
        return claimed.messages
