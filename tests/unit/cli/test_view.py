"""What a terminal, a log and a program are shown."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from rosey_cli.terminal import shows_pictures
from rosey_cli.up.child import State
from rosey_cli.up.journal import Entry, Level
from rosey_cli.up.outcome import Reconciliation
from rosey_cli.up.output import Plain
from rosey_cli.up.report import as_lines, as_object, verdict
from rosey_cli.up.snapshot import Snapshot
from rosey_cli.up.view import LiveView, picture
from tests.unit.cli.snapshots import NOW, busy, lobby


@pytest.fixture(autouse=True)
def _in_any_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """These do not depend on the terminal in which they are run."""
    monkeypatch.setenv("TERM", "xterm")


def terminal(encoding: str = "utf-8", *, is_terminal: bool = True) -> Console:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="replace", write_through=True)
    return Console(file=file, force_terminal=is_terminal, width=100, height=30, markup=False, highlight=False)


def shown(console: Console) -> str:
    console.file.flush()
    return console.file.buffer.getvalue().decode(console.file.encoding)  # type: ignore[attr-defined]


def test_the_picture_shows_all_that_matters() -> None:
    console = terminal(is_terminal=False)
    console.print(picture(busy(), "https://cytu.be/r/lobby"))
    text = shown(console)
    for expected in (
        "https://cytu.be/r/lobby",
        "lobby: 2 users, 3 connected",
        "Big Buck Bunny, queued by Bob",
        "0:25 of 1:40",
        "Alice: hi",
        "Bob🍿",
        "12.3 events/s",
        "120 published",
        "110 stored",
        "4 waiting",
        "5 held back",
        "1 rejected",
        "frame to row p50 1.5, p95 3.2, p99 9.8 ms",
        "nats-server",
        "unready",
        "60 MB",
        "rosey-bot: channel lobby:",
        "rosey-bot: was ended",
        "up 1:01",
    ):
        assert expected in text, expected
    assert len(text.splitlines()) == 30


def test_a_chat_line_cannot_colour_the_screen() -> None:
    console = terminal(is_terminal=False)
    console.print(picture(busy(), "lobby"))
    assert "\x1b" not in shown(console)
    assert r"hi \x1b[31m*there*" in shown(console)


def test_a_terminal_without_unicode_gets_ascii() -> None:
    console = terminal("ascii", is_terminal=False)
    console.print(picture(busy(), "lobby"))
    text = shown(console)
    assert text.isascii()
    assert "Big Buck Bunny" in text
    assert "+-" in text


@pytest.mark.parametrize(("term", "expected"), [("xterm-256color", True), ("dumb", False), ("unknown", False)])
def test_a_terminal_that_can_only_add_lines_gets_lines(
    monkeypatch: pytest.MonkeyPatch, term: str, expected: bool
) -> None:
    monkeypatch.setenv("TERM", term)
    assert shows_pictures(terminal()) is expected
    assert not shows_pictures(terminal(is_terminal=False))


def test_a_terminal_of_any_size_is_filled() -> None:
    for width, height in ((20, 8), (200, 60)):
        console = Console(file=io.StringIO(), width=width, height=height)
        console.print(picture(busy(), "lobby"))


def test_nothing_known_yet_can_be_shown() -> None:
    console = terminal(is_terminal=False)
    console.print(picture(Snapshot(time=NOW, seconds=0.0), "lobby"))
    assert "waiting for the channel" in shown(console)
    assert "nothing plays" in shown(console)


def test_several_channels_are_told_apart() -> None:
    console = terminal(is_terminal=False)
    snapshot = busy()
    channels = [lobby(), lobby("lounge")]
    channels[1].playing = None
    console.print(picture(Snapshot(time=NOW, seconds=1.0, channels=channels, processes=snapshot.processes), "two"))
    assert "lobby: 2 users, 3 connected, lounge: 2 users" in shown(console)
    assert "[lounge] Alice: hi" in shown(console)


def test_the_live_view_draws_between_lines() -> None:
    console = terminal()
    view = LiveView(console, "lobby")
    view.entry(Entry(NOW, "rosey", "starting", Level.INFO))
    view.refresh(busy())
    assert "Big Buck Bunny" not in shown(console)
    view.begin()
    view.entry(Entry(NOW, "rosey", "not in the picture", Level.INFO))
    view.refresh(busy())
    view.end()
    view.end()
    view.entry(Entry(NOW, "rosey", "stopped", Level.INFO))
    text = shown(console)
    assert "starting" in text
    assert "Big Buck Bunny" in text
    assert "not in the picture" not in text
    assert text.index("\x1b[?1049h") < text.index("Big Buck Bunny") < text.index("\x1b[?1049l") < text.index("stopped")


def test_plain_lines_tell_now_and_then_how_things_are() -> None:
    console = terminal(is_terminal=False)
    plain = Plain(console, interval=5.0)
    plain.begin()
    plain.entry(Entry(NOW, "rosey-bot", "joined", Level.INFO))
    plain.entry(Entry(NOW, "rosey-bot", "refused", Level.WARNING))
    plain.refresh(busy(0.5))
    plain.refresh(busy(2.0))
    plain.refresh(busy(3.0))
    plain.refresh(busy(7.5))
    plain.end()
    lines = shown(console).splitlines()
    summaries = [line for line in lines if "110 events stored" in line]
    assert len(summaries) == 2
    assert "lobby: 2 users, plays 'Big Buck Bunny'" in summaries[0]
    assert "p50 1.5 ms, p99 9.8 ms; 1 rejected" in summaries[0]
    assert sum("<Alice> hi" in line for line in lines) == 1
    assert any("rosey-bot       WARNING: refused" in line for line in lines)
    assert any("not ready: rosey-bot: channel lobby" in line for line in lines)


def test_the_report_has_the_account_and_the_processes() -> None:
    account = Reconciliation(published=10, stored=9, rejected=1)
    report = as_object(busy(10.0), account, data=Path("/data"))
    assert (report["published"], report["stored"], report["lost"], report["doubled"], report["rejected"]) == (
        10,
        9,
        0,
        0,
        1,
    )
    assert report["frame_to_row_ms"] == {"p50": 1.5, "p95": 3.25, "p99": 9.75}
    assert report["publish_to_row_ms"] is None
    assert report["processes"]["rosey-bot"] == {
        "cpu_seconds": 3.0,
        "cpu_percent": 30.0,
        "rss_mb": 60.0,
        "rss_max_mb": 70.0,
        "restarts": 2,
    }
    assert report["seconds"] == 10.0
    assert as_lines(account) == ["10 events published, 9 stored, 1 rejected (rosey dlq list); none lost, none doubled"]


def test_a_run_without_an_account_has_no_figures() -> None:
    report = as_object(Snapshot(time=NOW, seconds=0.0), None, data=Path("/data"))
    assert report["stored"] is None
    assert report["lost"] is None


@pytest.mark.parametrize(
    ("account", "code"),
    [
        (None, 1),
        (Reconciliation(), 1),
        (Reconciliation(published=1, stored=1), 0),
        (Reconciliation(published=1, stored=1, lost=1), 1),
        (Reconciliation(published=1, stored=1, doubled=1), 1),
    ],
)
def test_the_exit_code_is_the_verdict(account: Reconciliation | None, code: int) -> None:
    assert verdict(account) == code


def test_what_was_lost_is_said_in_words() -> None:
    account = Reconciliation(published=2, stored=1)
    account.lose(0, "nothing")
    account.lose(1, "plays")
    account.double(2, "rows")
    assert as_lines(account) == ["2 events published, 1 stored", "lost: 1 plays", "doubled: 2 rows"]


def test_each_state_has_a_word() -> None:
    assert {state.value for state in State} >= {"ready", "unready", "restarting", "stopped"}
