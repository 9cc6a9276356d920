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
