"""``rosey replay``: the stream read again, into subjects, files and databases."""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from typer.testing import CliRunner, Result

from rosey_cli.failure import Failure
from rosey_cli.main import app
from rosey_cli.moments import moment
from rosey_cli.replay import selection
from rosey_cli.replay.destinations import Pace, rebuilt
from rosey_cli.replay.replay import send
from rosey_cli.replay.selection import Selection, template
from rosey_core import subjects
from rosey_database import BotDatabase, DatabaseService
from rosey_database.ingest.consumer import StreamMessage
from tests.integration.cli.story import CHANNEL, Publish, Stored, chat, story
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

NOW = 1_700_000_000.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW - 7200),
        ("1.5d", NOW - 129_600),
        ("90s", NOW - 90),
        ("2023-11-14T22:13:20+00:00", NOW),
        ("2023-11-14T22:13:20Z", NOW),
    ],
)
def test_a_time_is_a_date_or_so_long_ago(text: str, expected: float) -> None:
    assert moment("--since", text, NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2 hours", "-1h", "0001-01-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(Failure, match=f"^--until: '{text}' is no time: write"):
        moment("--until", text, NOW)


@pytest.mark.parametrize(
    "typed",
    [
        ["events", "--since", "lately"],
        ["replay", "--to", "file:-", "--since", "lately"],
        ["replay", "--to", "file:-", "--until", "lately"],
        ["replay", "--to", "file:-", "--default-channel", "so/so"],
        ["replay", "--to", "file:-", "--channel", "so/so"],
        ["audit", "--until", "lately"],
    ],
    ids=lambda typed: f"{typed[0]} {typed[-2]}",
)
def test_a_value_that_is_refused_is_named_with_its_option(typed: list[str]) -> None:
    refused = CliRunner().invoke(app, [*typed, "--nats", "nats://127.0.0.1:1"])
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"rosey: {typed[-2]}: ")
    assert typed[-1] in refused.stderr


def test_an_event_is_named_in_full_or_by_its_end() -> None:
    assert template(subjects.MESSAGE_LOG) == template("message.log") == template("log") == subjects.MESSAGE_LOG
    for text in ("nothing", "", "og"):
        with pytest.raises(Failure, match="is no event; there are"):
            template(text)


def message(subject: str = subjects.MESSAGE_LOG, at: float = NOW) -> StreamMessage:
    return StreamMessage(subject, b"{}", 1, int(at * 1e9), 0)


def test_a_selection_is_by_time_channel_and_event() -> None:
    assert Selection().wants(message("anything.else"))
    assert Selection(since=NOW, until=NOW + 1).wants(message())
    assert not Selection(since=NOW + 1).wants(message())
    assert not Selection(until=NOW).wants(message())
    here = subjects.for_channel(subjects.MESSAGE_LOG, "lobby")
    assert Selection(channel="lobby", subject=subjects.MESSAGE_LOG).wants(message(here))
    assert not Selection(channel="lounge").wants(message(here))
    assert not Selection(channel="lobby").wants(message())
    assert not Selection(subject=subjects.USER_JOINED).wants(message(here))
    assert not Selection(channel="lobby").wants(message("anything.else"))


async def test_a_pace_is_kept() -> None:
    pace = Pace(1000.0)
    parts = pace.split([message()] * 100)
    assert [len(part) for part in parts] == [20] * 5
    began = time.monotonic()
    for part in parts:
        await pace.wait(len(part))
    assert 0.09 < time.monotonic() - began < 1.0


def tables(database: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All that events have made, without what tells when and how they were read."""
    with closing(sqlite3.connect(database)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
            for name in names
            if not name.startswith(("sqlite_", "alembic")) and name not in ("rosey_info",)
        }


async def test_a_database_rebuilt_from_the_stream_is_the_same(
    nats_client: Client,
    database_service: DatabaseService,
    temp_database: BotDatabase,
    database_file: Path,
    publish: Publish,
    stored: Stored,
    tmp_path: Path,
) -> None:
    await temp_database.choose_default_channel(CHANNEL)
    await publish(*story())
    await nats_client.jetstream().publish(subjects.MESSAGE_LOG, b"no event")
    last = await publish(*(chat(number) for number in range(20, 1500)))
    await stored(last)
    await database_service.stop()
    copy = tmp_path / "copy.db"
    async with rebuilt(nats_client, copy, default_channel=CHANNEL, complete=True) as target:
        assert await send(nats_client, Selection(), target, None) == (last - 1, 1)
    expected = tables(database_file)
    assert len(expected["recent_chat"]) == 1485
    assert tables(copy) == expected


async def test_a_part_of_the_stream_leaves_no_position_to_go_on_from(
    nats_client: Client, database_service: DatabaseService, publish: Publish, tmp_path: Path
) -> None:
    await publish(*story())
    only_chat = Selection(subject=subjects.MESSAGE_LOG)
    async with rebuilt(nats_client, tmp_path / "part.db", default_channel=None, complete=False) as target:
        await send(nats_client, only_chat, target, None)
    found = tables(tmp_path / "part.db")
    assert found["ingest_position"] == []
    assert len(found["recent_chat"]) == 5
    assert found["media_played"] == []


async def test_a_file_that_is_there_is_not_overwritten(
    nats_client: Client, database_service: DatabaseService, tmp_path: Path
) -> None:
    (tmp_path / "there.db").write_text("precious")
    with pytest.raises(Failure, match="is there already"):
        async with rebuilt(nats_client, tmp_path / "there.db", default_channel=None, complete=True):
            pass
    with pytest.raises(Failure, match="cannot be made") as refused:
        async with rebuilt(nats_client, tmp_path / "absent" / "new.db", default_channel=None, complete=True):
            pass
    assert str(refused.value).count("new.db") == 1
    assert (tmp_path / "there.db").read_text() == "precious"


async def test_an_empty_stream_has_nothing(nats_client: Client, database_service: DatabaseService) -> None:
    assert [part async for part in selection.read(nats_client, Selection())] == []


@pytest.fixture
async def filled(publish: Publish, database_service: DatabaseService) -> None:
    """The story is in the stream."""
    await publish(*story())


@pytest.fixture
def rosey(nats_server: NatsServer) -> Callable[..., Any]:
    """Run ``rosey replay`` on the test's server, in a thread: it has an event loop of its own."""

    async def run(*arguments: str) -> Result:
        command = ["replay", *arguments, "--nats", nats_server.url]
        return await asyncio.to_thread(CliRunner().invoke, app, command)

    return run


@pytest.mark.usefixtures("filled")
async def test_events_are_written_as_lines(
    rosey: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    result = await rosey("--to", "file:-", "--subject", "user.joined", "--since", "1h")
    assert result.exit_code == 0, result.stderr
    (line,) = map(json.loads, result.stdout.splitlines())
    assert line["subject"] == subjects.for_channel(subjects.USER_JOINED, CHANNEL)
    assert line["payload"]["username"] == "Carol"
    assert result.stderr == "1 events\n"
    path = tmp_path / "events.jsonl"
    assert (await rosey("--to", "file:~/events.jsonl", "--rate", "5000")).exit_code == 0
    assert len(path.read_text().splitlines()) == 13
    again = await rosey("--to", f"file:{path}")
    assert again.exit_code == 1
    assert "cannot be made: File exists" in again.stderr


@pytest.mark.usefixtures("filled")
async def test_events_are_published_below_a_prefix(rosey: Callable[..., Any], nats_client: Client) -> None:
    received: list[Msg] = []

    async def take(message: Msg) -> None:
        received.append(message)

    await nats_client.subscribe("again.>", cb=take)
    await nats_client.flush()
    result = await rosey("--to", "subject:again", "--channel", CHANNEL, "--subject", "message.log")
    assert result.stderr == "5 events\n"
    await nats_client.flush()
    assert {message.subject for message in received} == {f"again.{subjects.MESSAGE_LOG}.{CHANNEL}"}
    assert json.loads(received[2].data)["message"] == "line 4"


@pytest.mark.usefixtures("filled")
async def test_a_database_is_rebuilt_by_the_command(rosey: Callable[..., Any], tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    result = await rosey("--to", f"database:{path}", "--default-channel", CHANNEL)
    assert (result.exit_code, result.stderr) == (0, "13 events\n")
    assert len(tables(path)["recent_chat"]) == 5


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("to", ["subject:", "subject:rosey.again", "subject:a..b", "subject:$JS", "file:", "elsewhere"])
async def test_a_destination_that_is_none_is_refused(rosey: Callable[..., Any], to: str) -> None:
    result = await rosey("--to", to)
    assert result.exit_code == 2
    assert "should be subject:PREFIX, file:PATH or database:PATH" in result.stderr


async def test_without_a_stream_it_says_so(rosey: Callable[..., Any]) -> None:
    result = await rosey("--to", "file:-")
    assert result.exit_code == 1
    assert "nothing was ever published" in result.stderr


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda signum: signum.name)
async def test_whoever_ends_it_finds_no_half_of_a_database(
    nats_server: NatsServer,
    database_service: DatabaseService,
    publish: Publish,
    stored: Stored,
    tmp_path: Path,
    signum: signal.Signals,
) -> None:
    await stored(await publish(*story()))
    folder = tmp_path / "made"
    folder.mkdir()
    options = ["replay", "--to", f"database:{folder / 'copy.db'}", "--rate", "0.1", "--nats", nats_server.url]
    # As a shell without job control begins what has an ampersand behind it.
    begun = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", str(Path(sys.executable).with_name("rosey")), *options]
    process = await asyncio.create_subprocess_exec(*begun, stderr=asyncio.subprocess.PIPE)
    await until(lambda: list(folder.iterdir()), timeout=30)
    process.send_signal(signum)
    _, said = await process.communicate()
    assert (process.returncode, b"Traceback" in said) == (128 + signum, False)
    assert list(folder.iterdir()) == []
