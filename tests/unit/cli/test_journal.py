"""The journal: one line an entry, and the last problems."""

from __future__ import annotations

import logging

from rosey_cli.up.journal import KEPT_PROBLEMS, Entry, Journal, Level, logged_to


def test_entries_are_shown_as_they_come_on_one_line() -> None:
    shown: list[Entry] = []
    Journal(shown.append, clock=lambda: 5.0).say("rosey-bot", "two\nlines")
    assert shown == [Entry(5.0, "rosey-bot", "two lines", Level.INFO)]


def test_the_last_problems_are_kept() -> None:
    journal = Journal()
    journal.say("rosey", "all is well")
    for number in range(KEPT_PROBLEMS + 2):
        journal.say("rosey", f"problem {number}", Level.WARNING)
    assert [entry.text for entry in journal.problems] == [f"problem {number}" for number in range(2, KEPT_PROBLEMS + 2)]


def test_warnings_of_this_process_go_to_the_journal_meanwhile() -> None:
    shown: list[Entry] = []
    log = logging.getLogger("rosey_core.bus")
    with logged_to(Journal(shown.append)):
        log.warning("NATS: %s", "gone")
        log.error("worse")
        log.info("fine")
    log.warning("after it")
    assert [(entry.text, entry.level) for entry in shown] == [("NATS: gone", Level.WARNING), ("worse", Level.ERROR)]
