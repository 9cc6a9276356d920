"""The streams: made from one definition, kept to it, and refused in words where the server cannot have them."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable

import nats
import pytest
from nats.aio.client import Client
from nats.js.api import StorageType

from rosey_core import streams, subjects
from rosey_core.streams import StreamLimits, StreamUnavailable, ensure
from tests.support.nats_server import NatsServer

LIMITS = StreamLimits(max_age=3600, max_bytes=1 << 20, dead_letter_bytes=1 << 19)

Connect = Callable[[NatsServer], Client]


@pytest.fixture
async def connect() -> AsyncIterator[Callable[..., object]]:
    """Make clients that are closed when the test ends."""
    made: list[Client] = []

    async def connect(server: NatsServer) -> Client:
        made.append(await nats.connect(server.url))
        return made[-1]

    yield connect
    for client in made:
        await client.close()


async def test_it_makes_both_streams_with_their_limits(nats_client: Client) -> None:
    info = await ensure(nats_client, LIMITS)
    assert info.config.name == "ROSEY_EVENTS"
    assert info.config.storage == StorageType.FILE
    assert (info.config.max_age, info.config.max_bytes) == (3600, 1 << 20)
    letters = (await nats_client.jsm().stream_info(streams.DEAD_LETTERS)).config
    assert (letters.storage, letters.max_bytes) == (StorageType.FILE, 1 << 19)
    assert letters.max_age is not None
    assert letters.max_age > 3600, "a dead letter outlives its event, so that somebody can look at it"


async def test_to_ensure_again_changes_nothing(nats_client: Client) -> None:
    first = await ensure(nats_client, LIMITS)
    await nats_client.jetstream().publish(subjects.USER_JOINED, b'{"username":"alice"}')
    second = await ensure(nats_client, LIMITS)
    assert second.created == first.created
    assert second.config == first.config
    assert second.state.messages == 1


async def test_other_limits_are_taken_over_and_nothing_is_lost(nats_client: Client) -> None:
    await ensure(nats_client, LIMITS)
    await nats_client.jetstream().publish(subjects.USER_JOINED, b'{"username":"alice"}')
    info = await ensure(nats_client, dataclasses.replace(LIMITS, max_age=60, max_bytes=1 << 21))
    assert (info.config.max_age, info.config.max_bytes) == (60, 1 << 21)
    assert info.config.duplicate_window == 60, "it cannot be longer than the age"
    assert info.state.messages == 1


async def test_every_event_is_captured_and_no_request(nats_client: Client) -> None:
    await ensure(nats_client, LIMITS)
    for subject in subjects.EVENTS + subjects.REQUESTS:
        for form in (subject, subjects.for_channel(subject, "lobby")):
            await nats_client.publish(form, b"{}")
    expected = {form for event in subjects.EVENTS for form in (event, subjects.for_channel(event, "lobby"))}
    # Its own publish, acknowledged, comes after all of them.
    await nats_client.jetstream().publish(subjects.EVENTS[0], b"{}")
    info = await nats_client.jsm().stream_info(streams.EVENTS, subjects_filter=">")
    assert set(info.state.subjects or {}) == expected
    assert info.state.messages == len(expected) + 1


async def test_dead_letters_have_a_stream_of_their_own(nats_client: Client) -> None:
    await ensure(nats_client, LIMITS)
    for event in subjects.EVENTS:
        ack = await nats_client.jetstream().publish(subjects.dead_letter(event), b"x")
        assert ack.stream == streams.DEAD_LETTERS


async def test_an_event_sent_twice_within_the_window_is_kept_once(nats_client: Client) -> None:
    await ensure(nats_client, LIMITS)
    for _ in range(2):
        ack = await nats_client.jetstream().publish(subjects.USER_JOINED, b"{}", headers={"Nats-Msg-Id": "e1"})
    assert ack.duplicate
    assert (await nats_client.jsm().stream_info(streams.EVENTS)).state.messages == 1


async def test_a_server_without_jetstream_is_named(
    make_nats_server: Callable[..., NatsServer], connect: Callable[..., AsyncIterator[Client]]
) -> None:
    client = await connect(make_nats_server(jetstream=False))  # type: ignore[misc]
    with pytest.raises(StreamUnavailable, match="JetStream"):
        await ensure(client, LIMITS)


async def test_a_server_without_the_room_is_named_with_the_stream(
    make_nats_server: Callable[..., NatsServer], connect: Callable[..., AsyncIterator[Client]]
) -> None:
    client = await connect(make_nats_server(config="jetstream {max_file_store: 1MB}"))  # type: ignore[misc]
    with pytest.raises(StreamUnavailable, match=r"stream ROSEY_EVENTS: .*storage"):
        await ensure(client, dataclasses.replace(LIMITS, max_bytes=1 << 40))


async def test_a_server_that_is_too_old_is_not_asked(nats_client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "server_problem", lambda client: "nats-server 2.10.0 is too old")
    with pytest.raises(StreamUnavailable, match=r"2\.10\.0 is too old"):
        await ensure(nats_client, LIMITS)
    assert await nats_client.jsm().streams_info() == []


async def test_a_connection_that_is_gone_makes_the_streams_unavailable(nats_server: NatsServer) -> None:
    client = await nats.connect(nats_server.url)
    version = client.connected_server_version
    await client.close()
    assert version.major >= 2
    with pytest.raises(StreamUnavailable):
        await ensure(client, LIMITS)
