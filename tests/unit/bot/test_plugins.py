"""Plugins: what fits is taken, and what they do wrong hurts nobody but themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from rosey_bot.commands.answers import Answer, CommandError
from rosey_bot.commands.registry import Registry
from rosey_bot.commands.router import default_registry
from rosey_bot.plugins import guard as guarding
from rosey_bot.plugins.guard import LONGEST_ANSWER, Guard
from rosey_bot.plugins.interface import Place, Plugin
from rosey_bot.plugins.loading import Loaded, load_plugins
from rosey_bot.plugins.plugins import CAPACITY, Plugins
from rosey_core.events import Event, UserJoined
from tests.support.clock import MovableClock
from tests.support.distribution import install
from tests.support.waiting import until
from tests.unit.bot.harness import ListSink, RoomHarness, user
from tests.unit.bot.test_commands import Desk

PREAMBLE = """
import asyncio, sys, time
from rosey_bot.plugins import Answer, Command, CommandError, Plugin

async def answer(request):
    return Answer(["done"])
"""


class Shelf:
    """Installs plugins and loads them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, directory: Path) -> None:
        self.monkeypatch = monkeypatch
        self.directory = directory
        self.failures: list[tuple[str, str]] = []
        self.timeout = 0.1
        self.wanted: tuple[str, ...] | None = None

    def put(self, name: str, source: str, entry: str = "IT") -> None:
        """A plugin ``name`` with a module of this source, that gives its ``IT``."""
        install(
            self.monkeypatch,
            self.directory / name,
            f"rosey-{name}",
            {f"rosey_{name}": PREAMBLE + source},
            f"{name} = rosey_{name}:{entry}",
        )

    def load(self) -> list[Loaded]:
        taken = {command.name for command in default_registry()}
        guard = partial(Guard, timeout=self.timeout)
        return load_plugins(self.fail, taken=taken, wanted=self.wanted, make_guard=guard)

    def fail(self, plugin: str, reason: str) -> None:
        self.failures.append((plugin, reason))


@pytest.fixture
def shelf(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shelf:
    return Shelf(monkeypatch, tmp_path)


@pytest.fixture
async def desk_of(shelf: Shelf) -> AsyncIterator[Any]:
    """Makes a desk whose bot has the installed plugins' commands."""
    desks: list[Desk] = []

    def make() -> Desk:
        harness = RoomHarness()
        harness.join(user("Mod", 2), user("Alice"))
        harness.log_in()
        desk = Desk(harness, default_registry(Plugins(shelf.load()).commands))
        desk.sending.open(desk.emit)
        desks.append(desk)
        return desk

    yield make
    for desk in desks:
        await desk.router.close()
        await desk.sending.close()


# What is taken


def test_nothing_is_installed_by_default(shelf: Shelf) -> None:
    assert shelf.load() == []


def test_only_what_is_wanted_is_imported(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.put("one", "IT = Command('one', 'first', answer)")
    shelf.put("two", "raise AssertionError('imported all the same')")
    shelf.wanted = ("one", "three")
    assert [each.guard.plugin for each in shelf.load()] == ["one"]
    assert shelf.failures == [("three", "missing")]
    assert "plugin three: is wanted (bot.plugins), and is not installed here" in caplog.text
    shelf.wanted = ()
    assert shelf.load() == []


async def test_commands_come_as_one_as_several_or_in_a_plugin(shelf: Shelf, desk_of: Any) -> None:
    shelf.put("one", "IT = Command('one', 'first', answer)")
    shelf.put("two", "IT = [Command('two', 'second', answer), Command('three', 'third', answer, is_public=True)]")
    shelf.put("four", "IT = Plugin(commands=(Command('four', 'fourth', answer),))")
    desk = desk_of()
    for name in ("one", "two", "three", "FOUR"):
        assert await desk.pm("Mod", name) == ["done"]
    assert "two, three" in " ".join(await desk.pm("Mod", "help"))
    assert await desk.pm("Mod", "help four") == ["four: fourth"]
    assert await desk.say("Alice", "!three") == ["done"]
    assert [row.result for row in desk.audit if row.command == "one"] == ["pending", "success"]
    assert shelf.failures == []


@pytest.mark.parametrize(
    ("source", "reason", "line"),
    [
        ("import no_such_module", "import", "rosey-it 1.0 (rosey_it:IT) cannot be imported: ModuleNotFoundError"),
        ("IT = (", "import", "SyntaxError"),
        ("sys.exit(3)", "import", "SystemExit: 3"),
        ("", "import", "AttributeError"),
        ("IT = 7", "invalid", "is a int, not a Plugin"),
        ("IT = [7]", "invalid", "left out: it is a int"),
        ("IT = Command('IT', 'x', answer)", "invalid", "'IT' is no name"),
        ("IT = Command('it is', 'x', answer)", "invalid", "'it is' is no name"),
        ("IT = Command('it', 'x', lambda request: Answer([]))", "invalid", "no async function"),
        ("IT = Command('it', 'x', answer, parameters=None)", "invalid", "no tuple of Parameter"),
        ("IT = Command('it', 'x', answer, parameters=('n',))", "invalid", "no tuple of Parameter"),
        ("IT = Command('it', None, answer)", "invalid", "not text and a number"),
        ("IT = Command('it', 'x', answer, rank='admin')", "invalid", "not text and a number"),
        ("IT = Plugin(hear=print)", "invalid", "hear is no async function"),
        ("IT = Command('kick', 'x', answer)", "clash", "there is a command 'kick' already"),
    ],
)
def test_what_does_not_fit_costs_one_line_and_itself(
    shelf: Shelf, caplog: pytest.LogCaptureFixture, source: str, reason: str, line: str
) -> None:
    shelf.put("it", source)
    shelf.put("other", "IT = Command('other', 'x', answer)")
    commands = [command.name for loaded in shelf.load() for command in loaded.commands]
    assert commands == ["other"]
    assert shelf.failures == [("it", reason)]
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line in record.getMessage()
    assert "\n" not in record.getMessage()
    assert record.exc_info is None


def test_of_two_that_want_a_name_the_first_has_it(shelf: Shelf, caplog: pytest.LogCaptureFixture) -> None:
    shelf.put("b", "IT = [Command(name, 'of b', answer) for name in ('dice', 'coin', 'kick')]")
    shelf.put("a", "IT = Command('dice', 'of a', answer)")
    registry = Registry(Plugins(shelf.load()).commands)
    assert {command.name: command.summary for command in registry} == {"dice": "of a", "coin": "of b"}
    assert shelf.failures == [("b", "clash"), ("b", "clash")]
    assert [name in caplog.text for name in ("'dice' already", "'kick' already")] == [True, True]


# What it does wrong


@pytest.mark.parametrize(
    ("body", "answer", "reason"),
    [
        ("raise ValueError('secret')", "it failed, and the failure is logged", "raised"),
        ("sys.exit()", "it failed, and the failure is logged", "raised"),
        ("raise asyncio.CancelledError", "it failed, and the failure is logged", "raised"),
        ("raise CommandError('Not today')", "Not today", None),
        ("await asyncio.sleep(60)", "it took longer than 0.1 s and was stopped", "timeout"),
        ("time.sleep(0.15); return Answer(['late'])", "late", "blocked"),
        ("return 'text'", "it failed, and the failure is logged", "invalid"),
        ("return Answer('text')", "it failed, and the failure is logged", "invalid"),
        ("return Answer([None])", "it failed, and the failure is logged", "invalid"),
        ("return Answer(['done'], error=7)", "it failed, and the failure is logged", "invalid"),
    ],
)
async def test_what_a_command_does_wrong_is_told_and_nothing_else_suffers(
    shelf: Shelf, desk_of: Any, body: str, answer: str, reason: str | None
) -> None:
    shelf.put("it", f"async def it(request):\n    {body}\nIT = Command('it', 'x', it)")
    desk = desk_of()
    assert await desk.pm("Mod", "it") == [answer]
    assert shelf.failures == ([] if reason is None else [("it", reason)])
    assert desk.audit[-1].result == ("success" if answer == "late" else "error")
    assert await desk.pm("Mod", "afk") == ["The bot is not AFK"]


async def test_a_command_that_takes_other_arguments_is_counted_as_failed(shelf: Shelf, desk_of: Any) -> None:
    shelf.put("it", "async def it():\n    return Answer(['done'])\nIT = Command('it', 'x', it)")
    assert await desk_of().pm("Mod", "it") == ["it failed, and the failure is logged"]
    assert shelf.failures == [("it", "raised")]


async def test_a_command_that_does_not_let_itself_be_stopped_holds_up_nobody(shelf: Shelf, desk_of: Any) -> None:
    shelf.put(
        "it",
        """
async def it(request):
    for _ in range(3):
        try:
            await asyncio.sleep(0.1)
        except asyncio.CancelledError:
            pass
    raise ValueError("after all")
IT = Command('it', 'x', it)""",
    )
    desk = desk_of()
    assert await desk.pm("Mod", "it") == ["it took longer than 0.1 s and was stopped"]
    tasks = [task for task in asyncio.all_tasks() if task.get_name() == "plugin-it"]
    assert len(tasks) == 1
    await asyncio.wait(tasks, timeout=5)
    assert shelf.failures == [("it", "timeout")]


async def test_an_answer_that_is_too_long_is_cut_paged_and_short_in_chat(shelf: Shelf, desk_of: Any) -> None:
    shelf.put(
        "it",
        "async def it(request):\n    return Answer(['word ' * 20] * 100_000)\n"
        "IT = Command('it', 'x', it, is_public=True)",
    )
    shelf.timeout = 5.0
    desk = desk_of()
    shown = await desk.pm("Mod", "it")
    assert len(shown) == 10
    rest: list[str] = []
    while "more: send more" in (rest or shown)[-1]:
        rest += await desk.pm("Mod", "more")
    assert rest[-1] == "(cut: the answer was too long)"
    assert sum(map(len, shown + rest)) < LONGEST_ANSWER + 500
    assert ("it", "too_long") in shelf.failures
    said = await desk.say("Alice", "!it")
    assert len(said) == 5
    assert said[-1] == "(the rest is too long for chat)"


async def test_a_stopped_bot_stops_what_a_plugin_does(shelf: Shelf, desk_of: Any) -> None:
    shelf.put("it", "async def it(request):\n    await asyncio.sleep(60)\nIT = Command('it', 'x', it)")
    shelf.timeout = 60.0
    desk = desk_of()
    desk.harness.frame("pm", {"username": "Mod", "msg": "it", "to": "Rosey", "meta": {}, "time": 1})
    await until(lambda: any(task.get_name() == "plugin-it" for task in asyncio.all_tasks()))
    await desk.router.close()
    await until(lambda: not any(task.get_name() == "plugin-it" for task in asyncio.all_tasks()))


async def test_the_same_complaint_is_logged_once_a_minute_and_counted_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now, failures = [0.0], []
    guard = Guard("it", lambda *failure: failures.append(failure), monotonic=lambda: now[0])
    for seconds in (0, 59, 61):
        now[0] = seconds
        guard.complain("raised", "it failed")
    assert len(failures) == 3
    assert len(caplog.records) == 2


async def test_only_the_time_between_two_waits_counts_as_blocking() -> None:
    failures: list[tuple[str, str]] = []
    clock = MovableClock()

    async def patient() -> str:
        for _ in range(4):
            asyncio.get_running_loop().call_soon(clock.move, 1)
            await asyncio.sleep(0)
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            return "waited"
        return "never"

    async def greedy() -> None:
        await asyncio.sleep(0)
        clock.move(2 * guarding.BLOCKED)

    guard = Guard("it", lambda *failure: failures.append(failure), monotonic=clock)
    began = clock()
    assert await guard.run(patient(), "patience") == "waited"
    assert (clock() - began, failures) == (4, [])
    await guard.run(greedy(), "greed")
    assert failures == [("it", "blocked")]


# What it hears


def heard_by(hear: Any, failures: list[tuple[str, str]]) -> Plugins:
    guard = Guard("it", lambda *failure: failures.append(failure), timeout=0.05)
    return Plugins([Loaded(guard, (), Plugin(hear=hear))])


async def test_events_are_heard_in_order_whatever_becomes_of_one() -> None:
    heard: list[str] = []
    failures: list[tuple[str, str]] = []

    async def hear(event: Event, place: Place) -> None:
        assert isinstance(event, UserJoined)
        heard.append(event.username)
        if event.username == "b":
            raise ValueError
        if event.username == "c":
            await asyncio.sleep(60)
        if event.username == "d":
            raise CommandError("not meant for events")

    plugins = heard_by(hear, failures)
    inner = ListSink()
    sink = plugins.sink(inner, Place("lobby", RoomHarness().room, print))
    for name in "abcde":
        sink.publish(UserJoined(username=name))
    assert len(inner.events) == 5
    await until(lambda: heard == list("abcde"))
    assert failures == [("it", "raised"), ("it", "timeout")]
    await plugins.close()
    await plugins.close()


async def test_who_takes_other_arguments_fails_at_each_event() -> None:
    failures: list[tuple[str, str]] = []

    async def hear(event: Event) -> None:
        raise AssertionError("never called")

    plugins = heard_by(hear, failures)
    sink = plugins.sink(ListSink(), Place("lobby", RoomHarness().room, print))
    for _ in range(3):
        sink.publish(UserJoined(username="a"))
    await until(lambda: failures == [("it", "raised")] * 3)
    await plugins.close()


async def test_who_is_too_slow_misses_events_and_the_bot_none() -> None:
    failures: list[tuple[str, str]] = []

    async def hear(event: Event, place: Place) -> None:
        await asyncio.sleep(60)

    plugins = heard_by(hear, failures)
    inner = ListSink()
    sink = plugins.sink(inner, Place("lobby", RoomHarness().room, print))
    for _ in range(CAPACITY + 3):
        sink.publish(UserJoined(username="a"))
    assert failures == [("it", "dropped")] * 3
    assert len(inner.events) == CAPACITY + 3
    await plugins.close()


def test_without_hearers_events_take_no_detour() -> None:
    inner = ListSink()
    assert Plugins().sink(inner, Place("lobby", RoomHarness().room, print)) is inner


def test_answers_are_the_bots_own_type() -> None:
    guard = Guard("it", lambda *failure: None)
    answer = Answer(["one", "two"], error="half done")
    assert guard.bounded(answer, "it") is answer
