"""How the bot is to behave: kept, ended by time, and forgotten only where the disk does not work."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosey_bot.manners import InvalidManners, Manners
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


CHANGE: dict[str, Callable[[Manners], None]] = {
    "quiet": Manners.be_quiet,
    "speak": Manners.speak,
    "on": lambda manners: manners.maintain(True),
    "off": lambda manners: manners.maintain(False),
}
CHANGES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(sorted(CHANGE))), max_size=12)


@given(CHANGES, st.lists(st.sampled_from("ab"), max_size=6))
def test_bots_that_hear_of_each_other_come_to_agree(changes: list[tuple[str, str]], hearing: list[str]) -> None:
    """In whatever order, and also where what they were told was told in one moment."""
    clock = Clock()
    bots = {name: Manners(clock=clock) for name in "ab"}
    other = {"a": "b", "b": "a"}
    for name, change in changes:
        CHANGE[change](bots[name])
    for name in [*hearing, "a", "b", "a"]:
        bots[name].take(bots[other[name]].encode())
    assert bots["a"].encode() == bots["b"].encode()
    # Else they would tell each other for ever.
    assert not bots["a"].take(bots["b"].encode())
    assert not bots["b"].take(bots["a"].encode())


def test_what_is_told_later_holds_whatever_the_clocks_say() -> None:
    ahead, behind = Clock(), Clock()
    ahead.advance(86400)
    one, other = Manners(clock=ahead), Manners(clock=behind)
    one.be_quiet()
    assert not other.take(one.encode())
    other.speak()
    assert not one.take(other.encode())
    assert not one.is_quiet


@pytest.mark.parametrize("told", [b"", b"[]", b'{"quiet_changed":1e12}', b'{"maintenance_changed":-1}'])
def test_what_no_bot_is_told_is_refused(told: bytes) -> None:
    manners = Manners()
    with pytest.raises(InvalidManners):
        manners.take(told)
