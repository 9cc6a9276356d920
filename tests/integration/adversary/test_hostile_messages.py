"""What any client of NATS may publish on an event's subject, and what must come of it: a dead letter, and no more."""

from pathlib import Path

import pytest
from nats.aio.client import Client

from rosey_core import events, streams
from tests.integration.adversary.conftest import PublishBytes
from tests.integration.ingest.conftest import Service, chat, rows
from tests.support.waiting import until

MAX_PAYLOAD = 1 << 20
LOG = b"rosey.db.message.log"
COMMAND = b"rosey.db.action.pm_command"
GRIN = "\N{GRINNING FACE}".encode()

pytestmark = pytest.mark.usefixtures("stream")


async def rejected(service: Service, client: Client, publish_bytes: PublishBytes, path: Path) -> str:
    """Publish a good line behind what was published; returns the reason of the one dead letter before it."""
    good = chat(1)
    publish_bytes(LOG + b".lobby", events.encode(good))
    await until(lambda: rows(path, "SELECT 1 FROM recent_chat"), timeout=30, what=f"a row; {service.ingest.problem}")
    assert (await client.jsm().stream_info(streams.DEAD_LETTERS)).state.messages == 1
    (poison,) = service.observed.poison
    assert rows(path, "SELECT message FROM recent_chat") == [("line 1",)]
    return poison.reason


@pytest.mark.parametrize("length", [600, 3900, 4040])
async def test_a_subject_of_any_length_holds_nothing_up(
    nats_client: Client, publish_bytes, path: Path, make_service, length: int
) -> None:
    service = await make_service()
    publish_bytes(LOG + b"." + b"x" * length, b"{}")
    assert "channel key" in await rejected(service, nats_client, publish_bytes, path)


async def test_a_reason_of_wide_characters_beside_a_large_payload_holds_nothing_up(
    nats_client: Client, publish_bytes, path: Path, make_service
) -> None:
    service = await make_service()
    payload = b'{"username": "Ann", "command": "c", "result": "%b", "args": "' % (GRIN * 600)
    publish_bytes(COMMAND, payload + b"x" * (MAX_PAYLOAD - len(payload) - 2) + b'"}')
    assert "enum" in await rejected(service, nats_client, publish_bytes, path)


async def test_a_subject_of_wide_characters_beside_a_large_payload_holds_nothing_up(
    nats_client: Client, publish_bytes, path: Path, make_service
) -> None:
    service = await make_service()
    publish_bytes(LOG + b"." + GRIN * 500, b"x" * MAX_PAYLOAD)
    assert "channel key" in await rejected(service, nats_client, publish_bytes, path)


async def test_a_subject_that_the_client_library_cannot_read_is_stepped_over(
    nats_client: Client, publish_bytes, path: Path, make_service
) -> None:
    service = await make_service()
    await service.ingest.working.wait()
    for token in (b"a\x0bb", b"c\x0cd", b"a\x0bb"):
        publish_bytes(LOG + b"." + token, b"{}")
    publish_bytes(LOG + b".lobby", events.encode(chat(1)))
    await service.stored(4, timeout=20)
    assert rows(path, "SELECT message FROM recent_chat") == [("line 1",)]
    assert [poison.message.sequence for poison in service.observed.poison] == [1, 2, 3]


async def test_a_subject_that_leaves_the_client_library_deaf_is_stepped_over(
    nats_client: Client, publish_bytes, path: Path, make_service, monkeypatch
) -> None:
    monkeypatch.setattr("rosey_database.ingest.consumer.HEARTBEAT_S", 0.2)
    service = await make_service()
    await service.ingest.working.wait()
    publish_bytes(LOG + b".\xff\xfe", b"{}")
    assert "channel key" in await rejected(service, nats_client, publish_bytes, path)


async def test_headers_that_leave_the_client_library_deaf_are_stepped_over_and_the_event_is_stored(
    nats_client: Client, publish_bytes, path: Path, make_service, monkeypatch
) -> None:
    monkeypatch.setattr("rosey_database.ingest.consumer.HEARTBEAT_S", 0.2)
    service = await make_service()
    await service.ingest.working.wait()
    publish_bytes(LOG + b".lobby", events.encode(chat(7)), headers=b"\r\n")
    publish_bytes(LOG + b".lobby", events.encode(chat(8)))
    await service.stored(2, timeout=20)
    assert rows(path, "SELECT message FROM recent_chat ORDER BY id") == [("line 7",), ("line 8",)]


async def test_a_service_goes_on_from_a_message_that_cannot_be_read(
    nats_client: Client, publish_bytes, path: Path, make_service
) -> None:
    service = await make_service()
    publish_bytes(LOG + b".a\x0bb", b"{}")
    await service.stored(1, timeout=20)
    await service.stop()
    other = await make_service()
    publish_bytes(LOG + b".lobby", events.encode(chat(1)))
    await other.stored(2)
    assert other.observed.restarts == []
