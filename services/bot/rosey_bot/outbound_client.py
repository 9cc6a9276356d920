"""Claims outbound messages from the database over NATS."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final

from rosey_bot.outbound import OutboundUnavailable
from rosey_bot.outbound_notices import OutboundNotices
from rosey_core import queries, subjects
from rosey_core.bus import Bus, BusError, RequestTimeout

TIMEOUT: Final = 2.0


class OutboundClient:
    """``OutboundQueue`` over a bus.

    A claim whose answer does not come, or comes too late, is repeated under the same name until it is answered: the
    database may have given the messages away, and gives them to nobody else.

    Args:
        bus: the connection; it may be down.
        claimed_by: what this bot calls itself in its claims.
        timeout: seconds that an answer may take.
    """

    def __init__(self, bus: Bus, *, claimed_by: str, timeout: float = TIMEOUT) -> None:
        self._bus: Final = bus
        self._claimed_by: Final = claimed_by
        self._timeout: Final = timeout
        self._unanswered: Final[dict[str, str]] = {}
        self._notices: Final = OutboundNotices(bus)

    async def claim(self, channel: str, limit: int, seconds: float) -> list[queries.ClaimedMessage]:
        """Claim messages; raises ``OutboundUnavailable``."""
        claim_id = self._unanswered.setdefault(channel, uuid.uuid4().hex)
        question = queries.ClaimMessages(limit=limit, seconds=seconds, claimed_by=self._claimed_by, claim_id=claim_id)
        subject = subjects.for_channel(question.SUBJECT, channel)
        try:
            answer = await self._bus.request(subject, queries.encode(question), self._timeout)
            messages: list[queries.ClaimedMessage] = queries.decode_reply(queries.ClaimMessages, answer)
        except (BusError, queries.RequestFailed) as error:
            raise OutboundUnavailable(str(error), is_in_doubt=isinstance(error, RequestTimeout)) from None
        self._unanswered.pop(channel, None)
        return messages

    async def watch(self, channel: str, arrived: Callable[[], None]) -> None:
        """Call ``arrived`` when the database tells that a message waits, and at each connection to NATS."""
        await self._notices.watch(channel, arrived)

    async def unwatch(self, channel: str) -> None:
        """No longer."""
        await self._notices.unwatch(channel)
