"""docs/plugins.md shows the examples as they are, and each word that it says is counted."""

from __future__ import annotations

from pathlib import Path

from rosey_bot.plugins import guard, loading, plugins

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")


def test_the_examples_are_shown_as_they_are() -> None:
    for shown in ("rosey-dice/rosey_dice.py", "rosey-dice/pyproject.toml", "rosey-welcome/rosey_welcome.py"):
        assert (ROOT / "examples" / shown).read_text(encoding="utf-8").strip() in DOCUMENT, shown


def test_limits_and_reasons_are_those_of_the_code() -> None:
    reasons = {loading.MISSING, loading.IMPORT, loading.CLASH, plugins.DROPPED}
    reasons |= {guard.INVALID, guard.RAISED, guard.TIMED_OUT, guard.HELD_UP, guard.TOO_LONG}
    assert all(f"`{reason}`" in DOCUMENT for reason in reasons)
    assert f"more than {guard.TIMEOUT:g} seconds" in DOCUMENT
    assert f"more than {guard.LONGEST_ANSWER:,} characters" in DOCUMENT
    assert f"the last {plugins.CAPACITY:,}" in DOCUMENT
    assert f"From {guard.BLOCKED:g} s on" in DOCUMENT
