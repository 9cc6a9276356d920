"""How the bot is to behave: kept, ended by time, and forgotten only where the disk does not work."""

from __future__ import annotations

from pathlib import Path

import pytest

from rosey_bot.manners import Manners
from tests.unit.bot.harness import Clock


def test_quiet_ends_when_told_or_by_itself() -> None:
    clock = Clock()
    manners = Manners(clock=clock)
    assert (manners.is_quiet, manners.silence()) == (False, None)
    manners.be_quiet()
    clock.advance(1e9)
    assert manners.is_quiet
    assert "quiet off" in (manners.silence() or "")
    manners.speak()
    assert not manners.is_quiet
    manners.be_quiet(clock.now + 60)
    clock.advance(59)
    assert manners.is_quiet
    clock.advance(1)
    assert not manners.is_quiet


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    file, clock = tmp_path / "manners" / "lobby.json", Clock()
    manners = Manners(file, clock=clock)
    manners.be_quiet(clock.now + 60)
    manners.maintain(True)
    again = Manners(file, clock=clock)
    assert (again.is_quiet, again.quiet_until, again.is_maintained) == (True, clock.now + 60, True)
    again.speak()
    again.maintain(False)
    again = Manners(file, clock=clock)
    assert (again.is_quiet, again.quiet_until, again.is_maintained) == (False, None, False)


@pytest.mark.parametrize("content", [b"", b"\xff", b"[]", b'{"is_quiet": "yes"}'])
def test_a_broken_file_is_said_and_costs_the_memory_alone(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "lobby.json"
    file.write_bytes(content)
    manners = Manners(file)
    assert "cannot be read" in caplog.text
    manners.be_quiet()
    assert Manners(file).is_quiet


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "taken").write_text("no directory")
    manners = Manners(tmp_path / "taken" / "lobby.json")
    manners.be_quiet()
    assert "cannot be written" in caplog.text
    assert manners.is_quiet
