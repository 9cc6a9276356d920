"""``rosey dlq`` over a real stream of dead letters."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from nats.aio.client import Client
from typer.testing import CliRunner, Result

from rosey_cli.dead_letters import letters
from rosey_cli.failure import Failure
from rosey_cli.main import app
from rosey_core import streams, subjects
from rosey_core.streams import StreamLimits
from rosey_database import DatabaseService
from rosey_database.ingest import dead_letters as headers
from tests.integration.cli.story import Stored
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

LARGE = b'{"username": 5, "padding": "' + b"x" * 1_048_500 + b'"}'
"""No event, and with its headers more than a message may have."""


@pytest.fixture
async def spoilt(database_service: DatabaseService, nats_client: Client) -> int:
    """Three events that are none, twice with one reason; gives the number of the first dead letter."""
    stream = nats_client.jetstream()
    for payload in (b"not JSON", b"not JSON", b"{}"):
        await stream.publish(subjects.MESSAGE_LOG, payload)

    async def found() -> int:
        return len(await letters.read_all(nats_client))

    await until(lambda: _is(found, 3), what="three dead letters")
    return (await letters.read_all(nats_client))[0].number


async def _is(count: Callable[[], object], expected: int) -> bool:
    return await count() == expected  # type: ignore[misc]


@pytest.fixture
async def excerpt(database_service: DatabaseService, nats_client: Client) -> int:
    """A dead letter that keeps only the beginning of its payload; gives its number."""
    await nats_client.jetstream().publish(subjects.for_channel(subjects.MESSAGE_LOG, "lobby"), LARGE)

    async def found() -> list[letters.DeadLetter]:
        return await letters.read_all(nats_client)

    (letter,) = await until(found, what="the dead letter")
    assert letter.is_excerpt
    assert letter.size == len(LARGE)
    return int(letter.number)


async def test_dead_letters_are_told_apart_and_grouped(nats_client: Client, spoilt: int) -> None:
    found = await letters.read_all(nats_client)
    assert [letter.subject for letter in found] == [subjects.MESSAGE_LOG] * 3
    assert [letter.sequence for letter in found] == [1, 2, 3]
    assert [letter.size for letter in found] == [8, 8, 2]
    assert all(letter.nanoseconds > 1e18 for letter in found)
    frequent, rare = letters.grouped(found)
    assert (frequent.count, frequent.first.sequence, frequent.last.sequence) == (2, 1, 2)
    assert (rare.count, rare.last.reason) == (1, "Object missing required field `username`")
    letter, payload = await letters.read(nats_client, spoilt)
    assert payload == b"not JSON"
    assert letter.reason == frequent.last.reason


async def test_an_event_that_is_none_still_comes_back_as_another_dead_letter(nats_client: Client, spoilt: int) -> None:
    await letters.replay(nats_client, spoilt)

    async def sequences() -> list[int]:
        return [letter.sequence for letter in await letters.read_all(nats_client)]

    async def has_come_back() -> bool:
        return await sequences() == [2, 3, 4]

    await until(has_come_back)


async def test_an_event_is_in_the_stream_once_though_sending_it_was_interrupted(
    nats_client: Client, spoilt: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(letters, "drop", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await letters.replay(nats_client, spoilt)
    await letters.replay(nats_client, spoilt)
    assert (await nats_client.jsm().stream_info(streams.EVENTS)).state.last_seq == 4
    with pytest.raises(Failure, match="there is no dead letter"):
        await letters.read(nats_client, spoilt)


async def test_an_event_that_has_become_one_is_stored(
    nats_client: Client, database_service: DatabaseService, stored: Stored
) -> None:
    payload = b'{"username": "Alice", "message": "at last"}'
    await nats_client.jetstream().publish(
        subjects.dead_letter(subjects.MESSAGE_LOG), payload, headers={headers.SUBJECT: subjects.MESSAGE_LOG}
    )
    (letter,) = await letters.read_all(nats_client)
    assert (letter.reason, letter.sequence) == ("unknown", 0)
    await letters.replay(nats_client, letter.number)
    await stored(1)
    assert await letters.read_all(nats_client) == []


async def test_an_excerpt_is_completed_from_the_event_stream(nats_client: Client, excerpt: int) -> None:
    await letters.replay(nats_client, excerpt)
    message = await nats_client.jsm().get_msg(streams.EVENTS, 2)
    assert message.data == LARGE


async def test_an_excerpt_whose_event_is_gone_is_refused(nats_client: Client, excerpt: int) -> None:
    await nats_client.jsm().delete_msg(streams.EVENTS, 1)
    with pytest.raises(Failure, match=r"keeps only the first \d+ of 1048530 bytes, and the event is gone from"):
        await letters.replay(nats_client, excerpt)
    assert len(await letters.read_all(nats_client)) == 1


async def test_an_excerpt_is_not_completed_by_another_event(nats_client: Client, excerpt: int) -> None:
    await nats_client.jsm().delete_stream(streams.EVENTS)
    await streams.ensure(nats_client, StreamLimits())
    await nats_client.jetstream().publish(subjects.MESSAGE_LOG, b"x" * len(LARGE))
    with pytest.raises(Failure, match="is gone from"):
        await letters.replay(nats_client, excerpt)


async def test_a_number_that_is_none_is_refused(nats_client: Client, spoilt: int) -> None:
    for work in (letters.read, letters.replay, letters.drop):
        with pytest.raises(Failure, match="no dead letter 99: see rosey dlq list"):
            await work(nats_client, 99)


async def test_without_the_stream_there_are_none(nats_client: Client) -> None:
    assert await letters.read_all(nats_client) == []
    with pytest.raises(Failure, match="no dead letter 1: see rosey dlq list"):
        await letters.drop(nats_client, 1)


async def test_a_letter_that_the_stream_does_not_let_go_is_no_absent_one(nats_client: Client, spoilt: int) -> None:
    config = (await nats_client.jsm().stream_info(streams.DEAD_LETTERS)).config.as_dict()
    sealed = json.dumps({**config, "sealed": True}).encode()
    await nats_client.request(f"$JS.API.STREAM.UPDATE.{streams.DEAD_LETTERS}", sealed)
    with pytest.raises(Failure, match=f"dead letter {spoilt} cannot be dropped: invalid operation on sealed stream"):
        await letters.drop(nats_client, spoilt)


async def test_a_letter_that_was_dropped_is_not_there(nats_client: Client, spoilt: int) -> None:
    await letters.drop(nats_client, spoilt)
    with pytest.raises(Failure, match="no dead letter"):
        await letters.drop(nats_client, spoilt)
    assert len(await letters.read_all(nats_client)) == 2


# The commands run loops of their own, so that these tests have none.


@pytest.fixture
def rosey(nats_server: NatsServer) -> Callable[..., Result]:
    """Run a command on the test's server."""

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, [*arguments, "--nats", nats_server.url])

    return run


def dead_letter(server: NatsServer, reason: str = "no good", payload: bytes = b"x\x1b[0m") -> None:
    """Put a dead letter into the stream of a server that nobody else uses."""
    import asyncio

    import nats

    async def put() -> None:
        client = await nats.connect(server.url)
        await streams.ensure(client, StreamLimits())
        await client.jetstream().publish(
            subjects.dead_letter(subjects.MESSAGE_LOG),
            payload,
            headers={
                headers.REASON: reason,
                headers.SUBJECT: subjects.MESSAGE_LOG,
                headers.SEQUENCE: "7",
                headers.TIME: "1700000000000000000",
                headers.SIZE: str(len(payload)),
            },
        )
        await client.close()

    asyncio.run(put())


def test_the_commands_show_send_and_drop(rosey: Callable[..., Result], nats_server: NatsServer) -> None:
    empty = rosey("dlq", "list")
    assert (empty.exit_code, empty.stdout) == (0, "no dead letters\n")
    assert rosey("dlq", "replay", "--all").stdout == "no dead letters\n"
    dead_letter(nats_server)
    dead_letter(nats_server)
    dead_letter(nats_server, reason="another")

    listed = rosey("dlq", "list").stdout.splitlines()
    assert listed[0].split() == ["number", "times", "last", "subject", "reason"]
    assert listed[1].split()[:2] == ["2", "2"]
    assert len(listed) == 3
    assert len(rosey("dlq", "list", "--each").stdout.splitlines()) == 4
    objects = [json.loads(line) for line in rosey("dlq", "list", "--json").stdout.splitlines()]
    assert [letter["reason"] for letter in objects] == ["no good", "no good", "another"]

    shown = rosey("dlq", "show", "1").stdout
    assert "reason    no good" in shown
    assert r"payload   x\x1b[0m" in shown
    assert "sequence  7" in shown

    assert rosey("dlq", "replay", "1").stdout == f"1 published on {subjects.MESSAGE_LOG}\n"
    assert rosey("dlq", "drop", "--all").stdout == "2 dropped\n3 dropped\n"
    assert rosey("dlq", "list").stdout == "no dead letters\n"


def test_which_ones_must_be_said(rosey: Callable[..., Result]) -> None:
    for arguments in (["replay"], ["drop"], ["drop", "1", "--all"]):
        result = rosey("dlq", *arguments)
        assert result.exit_code == 2
        assert "name the numbers of dead letters, or say --all" in result.stderr


def test_a_number_that_is_none_ends_with_a_sentence(rosey: Callable[..., Result], nats_server: NatsServer) -> None:
    dead_letter(nats_server)
    result = rosey("dlq", "show", "5")
    assert result.exit_code == 1
    assert result.stderr == "rosey: there is no dead letter 5: see rosey dlq list\n"
