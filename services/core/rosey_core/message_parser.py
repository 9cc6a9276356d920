"""nats-py's parser, which takes whole messages out of what has arrived in one go and hands over many at a time.

nats-py's own goes to its buffer twice for each message, copies it twice and awaits twice. What is no whole message in
its usual form (one that is cut off at the end, a ping, an error) is left to it.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from nats.aio.client import Client
from nats.protocol.parser import AWAITING_MSG_PAYLOAD, CRLF_SIZE, Parser

Message = tuple[bytes, bytes, bytes, bytes]
"""Subject, reply subject, payload and headers (as they came, empty for none)."""

_WITH_HEADERS: Final = re.compile(rb"HMSG (\S+) (\d+) (?:(\S+) )?(\d+) (\d+)\r\n")
_PLAIN: Final = re.compile(rb"MSG (\S+) (\d+) (?:(\S+) )?(\d+)\r\n")


class MessageParser(Parser):
    """In the place of a client's own parser.

    Args:
        client: is told of everything that is no whole message.
        deliver: called with a subscription's id and messages of it, in order.
    """

    def __init__(self, client: Client, deliver: Callable[[int, list[Message]], Awaitable[None]]) -> None:
        super().__init__(client)
        self._deliver = deliver

    async def parse(self, data: bytes = b"") -> None:
        """Take what has arrived."""
        if self.state == AWAITING_MSG_PAYLOAD:
            # The end of a message of which nats-py's has the beginning.
            missing = self.needed + CRLF_SIZE - len(self.buf)
            await super().parse(data[:missing])
            data = data[missing:]
        elif self.buf:
            data = bytes(self.buf) + data
            self.buf.clear()
        if not data:
            return
        buffer = self.buf
        end = await self._take(data)
        # What is left of a connection that was lost meanwhile is no beginning of the next one.
        if self.buf is buffer:
            await super().parse(data[end:])

    async def _take(self, data: bytes) -> int:
        """Deliver the whole messages that ``data`` begins with; returns where they end."""
        end, last, messages = 0, 0, list[Message]()
        for subscription, message, message_end in _whole_messages(data):
            if messages and subscription != last:
                await self._deliver(last, messages)
                messages = []
            messages.append(message)
            last, end = subscription, message_end
        if messages:
            await self._deliver(last, messages)
        return end


def _whole_messages(data: bytes) -> Iterator[tuple[int, Message, int]]:
    """The messages that ``data`` begins with: the subscription's id, the message, and where it ends."""
    end = 0
    while True:
        if line := _WITH_HEADERS.match(data, end):
            subject, subscription, reply, header_size, size = line.groups()
            headers_end = line.end() + int(header_size)
        elif line := _PLAIN.match(data, end):
            subject, subscription, reply, size = line.groups()
            headers_end = line.end()
        else:
            return
        begin = line.end()
        payload_end = begin + int(size)
        end = payload_end + CRLF_SIZE
        if end > len(data):
            return
        yield (
            int(subscription),
            (subject, reply or b"", data[headers_end:payload_end], data[begin:headers_end]),
            end,
        )
