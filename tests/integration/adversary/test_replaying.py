"""What the client library cannot read is read again all the same, and goes only where it harms nobody."""

from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from rosey_cli.dead_letters import letters
from rosey_cli.failure import Failure
from rosey_cli.replay import selection
from rosey_cli.replay.destinations import Subjects, rebuilt
from rosey_cli.replay.replay import send
from rosey_cli.replay.selection import Selection
from rosey_core import events, streams
from rosey_database import effects
from tests.integration.adversary.conftest import PublishBytes
from tests.integration.ingest.conftest import chat, rows
from tests.support.waiting import until

LOG = b"rosey.db.message.log."

pytestmark = pytest.mark.usefixtures("stream")


@pytest.fixture
async def odd(stream: None, nats_client: Client, publish_bytes: PublishBytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five messages in the stream, of which three are on subjects that a client of nats-py does not survive."""
    monkeypatch.setattr("rosey_database.ingest.consumer.HEARTBEAT_S", 0.2)
    good = [events.encode(chat(number)) for number in range(2)]
    for token, payload in (
        (b"lobby", good[0]),
        (b"a\x0bb", b"{}"),
        (b"c\x0cd", b"{}"),
        (b"\xff\xfe", b"{}"),
        (b"lobby", good[1]),
    ):
        publish_bytes(LOG + token, payload)

    async def are_there() -> bool:
        return (await nats_client.jsm().stream_info(streams.EVENTS)).state.messages == 5

    await until(are_there)


@pytest.mark.usefixtures("odd")
async def test_everything_is_read_again_in_order(nats_client: Client) -> None:
    found = [message async for part in selection.read(nats_client, Selection()) for message in part]
    assert [message.sequence for message in found] == [1, 2, 3, 4, 5]
    assert found[1].subject.endswith("a\x0bb")


@pytest.mark.usefixtures("odd")
async def test_a_subject_that_listeners_do_not_survive_is_not_published_below_a_prefix(nats_client: Client) -> None:
    received: list[str] = []

    async def take(message: Msg) -> None:
        received.append(message.subject)

    await nats_client.subscribe("again.>", cb=take)
    assert await send(nats_client, Selection(), Subjects(nats_client, "again"), None) == (2, 3)
    await until(lambda: len(received) == 2)
    assert set(received) == {"again.rosey.db.message.log.lobby"}


async def test_what_is_gone_before_it_is_read_is_not_waited_for(
    nats_client: Client, publish_bytes: PublishBytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "_READ", 1)
    monkeypatch.setattr(selection, "_QUIET_S", 0.1)
    monkeypatch.setattr("rosey_database.ingest.consumer.PULL_BATCH", 1)
    monkeypatch.setattr("rosey_database.ingest.consumer.PULLS_OUTSTANDING", 1)
    monkeypatch.setattr("rosey_database.ingest.consumer.BUFFER_LIMIT", 1)
    for number in range(6):
        publish_bytes(LOG + b"lobby", events.encode(chat(number)))
    found = []
    async for part in selection.read(nats_client, Selection()):
        found += [message.sequence for message in part]
        if len(found) == 1:
            await nats_client.jsm().purge_stream(streams.EVENTS)
    assert found == sorted(found)
    assert len(found) < 6


async def test_an_event_that_the_database_does_not_take_is_left_out_of_a_rebuilt_one(
    nats_client: Client, publish_bytes: PublishBytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        publish_bytes(LOG + b"lobby", events.encode(chat(number)))
    publish_bytes(LOG + b"lobby", b"no event")
    apply = effects.apply

    def break_at_one(connection, channel_ids, received):
        if any(one.event.message == "line 1" for one in received):
            raise OverflowError("too large")
        return apply(connection, channel_ids, received)

    monkeypatch.setattr(effects, "apply", break_at_one)
    copy = tmp_path / "copy.db"
    async with rebuilt(nats_client, copy, default_channel=None, complete=True) as target:
        assert await send(nats_client, Selection(), target, None) == (2, 2)
    assert rows(copy, "SELECT message FROM recent_chat ORDER BY id") == [("line 0",), ("line 2",)]
    assert rows(copy, "SELECT sequence FROM ingest_position") == [(4,)]


@pytest.mark.parametrize("token", [b"a\x0bb", b"\xff\xfe", "\N{GRINNING FACE}".encode()])
async def test_a_dead_letter_of_a_subject_that_cannot_be_published_on_is_kept(
    nats_client: Client, publish_bytes: PublishBytes, make_service, monkeypatch: pytest.MonkeyPatch, token: bytes
) -> None:
    monkeypatch.setattr("rosey_database.ingest.consumer.HEARTBEAT_S", 0.2)
    publish_bytes(LOG + token, b"{}")
    service = await make_service()
    await service.stored(1, timeout=20)
    (letter,) = await letters.read_all(nats_client)
    with pytest.raises(Failure, match=f"cannot be published on: .* rosey dlq show {letter.number}"):
        await letters.replay(nats_client, letter.number)
    assert len(await letters.read_all(nats_client)) == 1
    assert (await nats_client.jsm().stream_info(streams.EVENTS)).state.last_seq == 1
