"""The parser that takes many messages at once hears the same as nats-py's own, however the bytes arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.errors import ProtocolError
from nats.protocol.parser import Parser

from rosey_core.message_parser import Message, MessageParser

HEADERS = b"NATS/1.0\r\nNats-Msg-Id: 1\r\n\r\n"
STATUS = b"NATS/1.0 408 Request Timeout\r\n\r\n"


def plain(subject: bytes, subscription: int, payload: bytes, reply: bytes = b"") -> bytes:
    return b"MSG %b %d %b%d\r\n%b\r\n" % (subject, subscription, reply and reply + b" ", len(payload), payload)


def with_headers(subject: bytes, subscription: int, headers: bytes, payload: bytes, reply: bytes = b"") -> bytes:
    sizes = (len(headers), len(headers) + len(payload))
    return b"HMSG %b %d %b%d %d\r\n%b%b\r\n" % (subject, subscription, reply and reply + b" ", *sizes, headers, payload)


PIECES = (
    plain(b"a.b", 1, b"one", b"back"),
    plain(b"a.b", 1, b""),
    plain(b"12", 2, b"MSG a 1 3\r\nxyz\r\n"),
    plain(b"a", 2, b"PING\r\n", b"34"),
    with_headers(b"a.b", 1, HEADERS, b"two", b"$JS.ACK.S.C.1.2.3.4.5"),
    with_headers(b"a.b", 1, HEADERS, b"\r\n\r\n"),
    with_headers(b"a.b", 1, STATUS, b""),
    with_headers(b"\xff\xfe", 3, HEADERS, b"\x00" * 50, b"back"),
    b"PING\r\n",
    b"PONG\r\n",
    b"+OK\r\n",
    b"-ERR 'Slow Consumer'\r\n",
    b'INFO {"max_payload": 5}\r\n',
)
ALL = b"".join(PIECES * 2)


class Heard:
    """In the place of a client: notes what a parser tells it."""

    def __init__(self) -> None:
        self.all: list[object] = []

    async def deliver(self, subscription: int, messages: list[Message]) -> None:
        self.all += [(subscription, *message) for message in messages]

    async def _process_msg(self, sid: int, subject: bytes, reply: bytes, data: bytes, headers: bytes | None) -> None:
        self.all.append((sid, subject, reply, data, headers or b""))

    async def _process_ping(self) -> None:
        self.all.append("ping")

    async def _process_pong(self) -> None:
        self.all.append("pong")

    async def _process_err(self, error: str) -> None:
        self.all.append(error)

    async def _process_info(self, information: dict[str, Any]) -> None:
        self.all.append(information)


class Forgetful(MessageParser):
    """The broken variant: what is cut off at the end is forgotten."""

    async def parse(self, data: bytes = b"") -> None:
        await self._take(data)


def many_at_once(heard: Heard) -> Parser:
    return MessageParser(cast(Client, heard), heard.deliver)


async def hear(make: Callable[[Heard], Parser], parts: Iterable[bytes]) -> list[object]:
    heard = Heard()
    parser = make(heard)
    for part in parts:
        await parser.parse(part)
    return heard.all


def in_parts(data: bytes, size: int) -> list[bytes]:
    return [data[begin : begin + size] for begin in range(0, len(data), size)]


async def test_parts_of_any_size_say_the_same() -> None:
    expected = await hear(Parser, [ALL])
    assert len(expected) == 2 * (len(PIECES) - 1)
    for size in range(1, len(ALL) + 1):
        assert await hear(many_at_once, in_parts(ALL, size)) == expected, size


@given(st.lists(st.sampled_from(PIECES), max_size=12), st.lists(st.integers(0, 600), max_size=6))
async def test_any_messages_cut_anywhere_say_the_same(pieces: list[bytes], cuts: list[int]) -> None:
    data = b"".join(pieces)
    bounds = [0, *sorted(cuts), len(data)]
    parts = [data[begin:end] for begin, end in pairwise(bounds)]
    assert await hear(many_at_once, parts) == await hear(Parser, [data])


async def test_broken_variant_what_is_cut_off_is_lost() -> None:
    def forgetful(heard: Heard) -> Parser:
        return Forgetful(cast(Client, heard), heard.deliver)

    messages = PIECES[0] * 3
    assert await hear(forgetful, [messages]) == await hear(Parser, [messages])
    assert await hear(forgetful, in_parts(messages, 20)) != await hear(Parser, [messages])


async def test_messages_of_one_subscription_come_together() -> None:
    together: list[tuple[int, int]] = []

    async def deliver(subscription: int, messages: list[Message]) -> None:
        together.append((subscription, len(messages)))

    await MessageParser(cast(Client, Heard()), deliver).parse(PIECES[0] * 3 + PIECES[2] * 2 + PIECES[4])
    assert together == [(1, 3), (2, 2), (1, 1)]


async def test_a_large_message_in_many_parts_is_whole() -> None:
    data = with_headers(b"a", 1, HEADERS, b"x" * 300_000, b"back") + PIECES[0]
    assert await hear(many_at_once, in_parts(data, 4096)) == await hear(Parser, [data])


async def test_what_is_left_of_a_lost_connection_is_no_beginning_of_the_next() -> None:
    heard = Heard()

    async def lose(subscription: int, messages: list[Message]) -> None:
        await heard.deliver(subscription, messages)
        parser.reset()

    parser = MessageParser(cast(Client, heard), lose)
    await parser.parse(PIECES[0] + b"MSG a.b 1 10")
    await parser.parse(PIECES[1])
    assert heard.all == [(1, b"a.b", b"back", b"one", b""), (1, b"a.b", b"", b"", b"")]


@pytest.mark.parametrize("line", [b"MSG a\r\n", b"HMSG a 1 x 2\r\n", b"nonsense\r\n"])
async def test_what_is_no_protocol_is_refused_as_before(line: bytes) -> None:
    for make in (Parser, many_at_once):
        with pytest.raises(ProtocolError):
            await hear(make, [PIECES[0] + line])
