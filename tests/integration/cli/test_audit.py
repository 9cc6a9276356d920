"""``rosey audit``: from a bot's record to a person's screen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from rosey_bot.audit import Audit
from rosey_bot.timeline import Timeline
from rosey_cli import audit as auditing
from rosey_cli.main import app
from rosey_core.events import Event
from rosey_database import BotDatabase, DatabaseService
from tests.integration.cli.story import CHANNEL, TIME, Publish, Stored
from tests.support.clock import MovableClock
from tests.support.nats_server import NatsServer

SECRET = "hunter2 and more"


class Kept:
    """Keeps events until they are published."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def publish(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
async def record(publish: Publish, stored: Stored, database_service: DatabaseService) -> None:
    """A minute apart: a success, an error with a secret in it, a command whose bot was killed; one more elsewhere."""
    kept, clock = Kept(), MovableClock()
    clock.now = TIME
    record = Audit(CHANNEL, kept, Timeline(clock), [SECRET])
    record.attempt("Mod", "say", "hello\x1b[2J").succeeded()
    clock.move(60)
    record.attempt("Ann", "SAY", f"it is {SECRET}").failed(f"{SECRET} is too long")
    clock.move(60)
    record.attempt("mod", "next", "")
    Audit("elsewhere", kept, Timeline(clock)).attempt("Eve", "help", "").succeeded()
    await stored(await publish(*kept.events))


@pytest.fixture
def rosey(nats_server: NatsServer) -> Callable[..., Any]:
    """Run ``rosey audit`` on the test's server, in a thread: it has an event loop of its own."""

    async def run(*arguments: str) -> Result:
        command = ["audit", *arguments, "--nats", nats_server.url]
        return await asyncio.to_thread(CliRunner().invoke, app, command, env={"COLUMNS": "200"})

    return run


@pytest.mark.usefixtures("record")
async def test_each_command_is_a_row_with_the_newest_last(rosey: Callable[..., Any]) -> None:
    shown = await rosey("--channel", CHANNEL)
    assert shown.exit_code == 0, shown.stderr
    heading, *rows = [line.split(maxsplit=2)[-1].rstrip() for line in shown.stdout.splitlines()]
    assert heading.split() == ["command", "arguments", "result"]
    assert [" ".join(row.split()) for row in rows] == [
        r"Mod say hello\x1b[2J success",
        "Ann SAY it is *** error: *** is too long",
        "mod next pending",
    ]
    assert SECRET not in shown.stdout
    assert "help" in (await rosey("--channel", "elsewhere")).stdout


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], ["say", "SAY", "next"]),
        (["--user", "MOD"], ["say", "next"]),
        (["--command", "say"], ["say", "SAY"]),
        (["--since", "2023-11-14T22:14:20Z"], ["SAY", "next"]),
        (["--until", "2023-11-14T22:14:20Z"], ["say"]),
        (["--since", "1h"], []),
        (["--result", "error"], ["SAY"]),
        (["--result", "pending", "--user", "mod"], ["next"]),
        (["--limit", "3"], ["say", "SAY", "next"]),
        (["--limit", "2"], ["SAY", "next"]),
    ],
)
async def test_what_is_asked_for_is_found(
    rosey: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, options: list[str], found: list[str]
) -> None:
    # As many pages as rows: pages must neither lose a row nor show one twice.
    monkeypatch.setattr(auditing, "PAGE", 1)
    shown = await rosey("--channel", CHANNEL, "--json", *options)
    assert shown.exit_code == 0, shown.stderr
    assert [json.loads(line)["command"] for line in shown.stdout.splitlines()] == found
    assert ("there are more" in shown.stderr) == (options == ["--limit", "2"])


async def test_other_records_are_shown_as_they_are(
    rosey: Callable[..., Any], database_service: DatabaseService, temp_database: BotDatabase
) -> None:
    assert (await rosey()).stdout == "nothing on record\n"
    await temp_database.log_user_action("Eve", "wave", "at Bob")
    await temp_database.log_user_action("Eve", "leave")
    wave, leave = (await rosey()).stdout.splitlines()[1:]
    assert wave.split()[2:] == ["Eve", "wave", "at", "Bob"]
    assert leave.split()[2:] == ["Eve", "leave"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--since", "lately"], "--since: 'lately' is no time"),
        (["--result", "fine"], "--result"),
        (["--limit", "0"], "--limit"),
    ],
)
async def test_bad_options_are_refused(rosey: Callable[..., Any], options: list[str], said: str) -> None:
    shown = await rosey(*options)
    assert shown.exit_code == 2
    assert said in shown.stderr
