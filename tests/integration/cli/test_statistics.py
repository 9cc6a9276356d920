"""``rosey stats``, ``rosey user`` and the way to a Rosey."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rosey_cli import connection
from rosey_cli.data_directory import DataDirectory, Running
from rosey_cli.failure import Failure
from rosey_cli.main import app
from rosey_database import BotDatabase, DatabaseService
from tests.support.clock import MovableClock
from tests.support.nats_server import NatsServer


@pytest.fixture
def rosey(nats_server: NatsServer) -> Callable[..., Any]:
    """Run a command on the test's server, in a thread: it has an event loop of its own."""

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--nats", nats_server.url])

    return run


@pytest.fixture
async def people(database_service: DatabaseService, temp_database: BotDatabase, clock: MovableClock) -> None:
    """Alice has come and gone, Bob is here and talks."""
    await temp_database.user_joined("Alice")
    clock.move(3700)
    await temp_database.user_left("Alice")
    await temp_database.user_joined("Bob")
    for _ in range(3):
        await temp_database.user_chat_message("Bob", "hello")
    await temp_database.update_high_water_mark(2, 5)


@pytest.mark.usefixtures("people")
async def test_the_statistics_are_shown(rosey: Callable[..., Any]) -> None:
    shown = await rosey("stats")
    assert shown.exit_code == 0, shown.stderr
    assert "most users in chat   2 on 20" in shown.stdout
    assert "most connections     5 on 20" in shown.stdout
    assert "users ever seen      2" in shown.stdout
    assert "3  Bob" in shown.stdout
    answer = json.loads((await rosey("stats", "--json")).stdout)
    assert answer["total_users_seen"] == 2
    assert shown.stderr == ""
    elsewhere = await rosey("stats", "--channel", "Elsewhere")
    assert "users ever seen      0" in elsewhere.stdout
    assert "nobody was ever seen in Elsewhere" in elsewhere.stderr


@pytest.mark.usefixtures("people")
async def test_a_user_is_shown_whatever_the_case(rosey: Callable[..., Any]) -> None:
    alice = await rosey("user", "ALICE")
    assert alice.exit_code == 0, alice.stderr
    assert "Alice\n" in alice.stdout
    assert "time connected  1 h 1 min" in alice.stdout
    assert "here since" not in alice.stdout
    bob = (await rosey("user", "bob")).stdout
    assert "chat lines      3" in bob
    assert "here since      20" in bob
    assert json.loads((await rosey("user", "bob", "--json")).stdout)["found"] is True


@pytest.mark.usefixtures("people")
async def test_who_was_never_seen_is_said_so(rosey: Callable[..., Any]) -> None:
    result = await rosey("user", "nobody")
    assert result.exit_code == 1
    assert "nobody" in result.stderr
    result = await rosey("user", "x" * 65)
    assert result.exit_code == 2
    assert "has 65 characters" in " ".join(result.stderr.split())
    result = await rosey("user", "")
    assert result.exit_code == 2
    assert "is empty: whose?" in result.stderr


async def test_a_database_that_does_not_run_is_said_so(rosey: Callable[..., Any]) -> None:
    result = await rosey("stats")
    assert result.exit_code == 1
    assert "is the DatabaseService running?" in result.stderr


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("http://x", 2, "'http://x' is no address of a NATS server"),
        ("nats://rosey:hush-hush@", 2, "'' is no address of a NATS server"),
        ("nats://rosey:hush-hush@127.0.0.1:1", 1, "NATS at nats://127.0.0.1:1 cannot be reached"),
    ],
)
def test_what_cannot_be_reached_is_said_so(address: str, code: int, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 0.3)
    result = CliRunner().invoke(app, ["stats", "--nats", address])
    assert (result.exit_code, "hush-hush" in result.output) == (code, False)
    assert said in result.stderr


@pytest.mark.parametrize("password", ["", "wrong-one@"])
async def test_a_login_that_is_refused_is_said_so_at_once_and_not_shown(
    make_nats_server: Callable[..., NatsServer], monkeypatch: pytest.MonkeyPatch, password: str
) -> None:
    monkeypatch.setattr(connection, "CONNECT_S", 60.0)
    monkeypatch.setenv("ROSEY_NATS__USER", "rosey")
    monkeypatch.setenv("ROSEY_NATS__PASSWORD", "wrong-one")
    address = make_nats_server(options=("--user", "rosey", "--pass", "right-one")).url
    if password:
        address = address.replace("://", f"://rosey:{password}")
    result = await asyncio.wait_for(asyncio.to_thread(CliRunner().invoke, app, ["stats", "--nats", address]), 30)
    assert result.exit_code == 1
    assert "refuses the login" in result.stderr
    assert "ROSEY_NATS__PASSWORD" in result.stderr
    assert "wrong-one" not in result.output


def test_who_logs_in_to_a_named_nats_the_environment_says_unless_the_address_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ROSEY_NATS__USER", "ann")
    monkeypatch.setenv("ROSEY_NATS__PASSWORD", "secret-one")
    monkeypatch.setenv("ROSEY_NATS__CA", "authorities.pem")
    told = connection.find("nats://host", None).nats
    assert (told.url, told.login()) == ("nats://host", {"user": "ann", "password": "secret-one"})
    own = connection.find("nats://token@host", None).nats
    assert (own.url, own.login(), str(own.ca)) == ("nats://host", {"token": "token"}, "authorities.pem")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's data directories: none yet."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("ROSEY_NATS__URL", raising=False)
    return tmp_path / "rosey"


def running(path: Path, port: int) -> DataDirectory:
    directory = DataDirectory(path)
    directory.acquire()
    directory.write_running(Running(pid=1, nats_url=f"nats://127.0.0.1:{port}"))
    return directory


def test_the_rosey_that_runs_here_is_found(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Failure, match="no rosey up runs here"):
        connection.find(None, None)
    demo = running(home / "demo", 1)
    assert connection.find(None, None).nats.url == "nats://127.0.0.1:1"
    main = running(home / "main", 2)
    with pytest.raises(Failure, match=r"more than one(.*\n)+.*--data .*demo\n.*--data .*main"):
        connection.find(None, None)
    found = connection.find(None, main.path)
    assert found.nats.url == "nats://127.0.0.1:2"
    assert found.directory is not None
    monkeypatch.setenv("ROSEY_NATS__URL", "nats://user:secret@else:4222")
    elsewhere = connection.find(None, None).nats
    assert (elsewhere.url, elsewhere.user) == ("nats://else:4222", "user")
    demo.release()
    with pytest.raises(Failure, match=r"no rosey up is at work on .*demo"):
        connection.find(None, demo.path)
    main.release()


def test_a_bad_environment_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSEY_NATS__URL", "nowhere://")
    with pytest.raises(Failure, match="ROSEY_NATS__URL"):
        connection.find(None, None)


def test_the_version_is_said() -> None:
    result = CliRunner().invoke(app, ["version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("rosey 0.")


@pytest.mark.parametrize(
    "command",
    ["events", "dlq list", "dlq show 1", "channel list", "channel workers", "replay --to file:-", "top --once"],
)
def test_a_nats_without_jetstream_is_said_so(make_nats_server: Callable[..., NatsServer], command: str) -> None:
    address = make_nats_server(jetstream=False).url
    result = CliRunner().invoke(app, [*command.split(), "--nats", address])
    assert result.exit_code == 1
    assert "this nats-server has no JetStream: start it with --jetstream" in result.output
    assert "Error" not in result.output
