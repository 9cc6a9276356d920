"""An event on the wire: subject, headers, bounds."""

from __future__ import annotations

import pytest

from rosey_bot.publish.message import Message, pack, prepare, unpack
from rosey_core import events, subjects
from rosey_core.channels import InvalidChannelKey
from rosey_core.events import ChatMessage, MediaPlayed, PlaylistChanged, PmCommand, UserJoined


def test_the_channel_is_in_the_subject_and_the_id_in_the_headers() -> None:
    event = ChatMessage(channel="lobby", id="abc", username="anna", message="hi")
    message = prepare(event)
    assert message.subject == subjects.for_channel(subjects.MESSAGE_LOG, "lobby")
    assert message.headers == b"NATS/1.0\r\nNats-Msg-Id: abc\r\n\r\n"
    assert events.decode(message.subject, message.payload) == (event, "lobby")


def test_the_two_messages_of_a_command_differ_by_their_result() -> None:
    ids = {
        prepare(PmCommand(id="abc", username="anna", command="say", result=result)).headers  # type: ignore[arg-type]
        for result in ("pending", "success")
    }
    assert ids == {
        b"NATS/1.0\r\nNats-Msg-Id: abc:pending\r\n\r\n",
        b"NATS/1.0\r\nNats-Msg-Id: abc:success\r\n\r\n",
    }


def test_the_id_of_a_play_is_its_event_and_not_its_medium() -> None:
    message = prepare(MediaPlayed(title="t", type="yt", id="medium", event="play"))
    assert b"Nats-Msg-Id: play\r\n" in message.headers


def test_without_id_and_trace_there_are_no_headers() -> None:
    message = prepare(UserJoined(username="anna"))
    assert message.headers == b""
    assert message.command("inbox.1") == b"PUB rosey.db.user.joined inbox.1 19\r\n%b\r\n" % message.payload


def test_a_trace_context_is_a_header_of_its_own() -> None:
    assert prepare(UserJoined(username="a"), "00-1-2-01").headers == b"NATS/1.0\r\ntraceparent: 00-1-2-01\r\n\r\n"
    both = prepare(UserJoined(id="x", username="a"), "00-1-2-01").headers
    assert both == b"NATS/1.0\r\nNats-Msg-Id: x\r\ntraceparent: 00-1-2-01\r\n\r\n"


def test_lengths_on_the_wire_count_bytes_and_not_letters() -> None:
    message = prepare(UserJoined(id="é", username="ä"))
    line, _, rest = message.command("i.1").partition(b"\r\n")
    header_bytes, total = (int(number) for number in line.split()[-2:])
    assert rest[:header_bytes] == message.headers
    assert total == message.size == len(rest) - len(b"\r\n")


def test_an_id_cannot_smuggle_a_command_to_the_server() -> None:
    message = prepare(UserJoined(id="x\r\n\r\nPUB evil 0\r\n", username="a"))
    assert message.headers.count(b"\r\n") == 3


@pytest.mark.parametrize(
    ("event", "error"),
    [
        (UserJoined(channel="not a key", username="a"), InvalidChannelKey),
        (PlaylistChanged(action="queued", item=object()), TypeError),
        (UserJoined(username="\ud800"), ValueError),
    ],
)
def test_what_cannot_be_sent_is_refused(event: events.Event, error: type[Exception]) -> None:
    with pytest.raises(error):
        prepare(event)


def test_a_record_is_the_message_again() -> None:
    message = prepare(ChatMessage(channel="lobby", id="abc", username="anna", message="hi"), "00-1-2-01")
    assert unpack(pack(message)) == message


@pytest.mark.parametrize("record", [b"", b"\x93\x01\x02\x03", pack(Message("s", b"h", b"p"))[:-1]])
def test_what_is_no_record_is_refused(record: bytes) -> None:
    with pytest.raises(ValueError, match="no message"):
        unpack(record)
