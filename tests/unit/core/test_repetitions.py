"""A message that comes again and again does not fill the log, and nothing of it is lost but its repetition."""

import logging

from rosey_core.telemetry.repetitions import Repetitions
from tests.support.clock import MovableClock


def record(text: str, level: int = logging.INFO) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "rosey", "levelno": level, "msg": text, "channel": "lobby"})


def texts(records: list[logging.LogRecord]) -> list[str]:
    return [one.getMessage() for one in records]


def test_so_many_are_written_and_the_rest_is_summed_up_when_the_minute_is_over() -> None:
    clock = MovableClock()
    repetitions = Repetitions(limit=2, clock=clock)
    written = [texts(repetitions.admit(record("a"))) for _ in range(5)]
    assert written == [["a"], ["a"], [], [], []]
    clock.move(59)
    assert texts(repetitions.admit(record("b"))) == ["b"]
    clock.move(1)
    summed = repetitions.admit(record("a"))
    assert texts(summed) == ["3 times more in 60 s: a", "a"]
    assert vars(summed[0])["channel"] == "lobby"


def test_another_text_level_or_logger_is_another_message() -> None:
    repetitions = Repetitions(limit=1)
    assert texts(repetitions.admit(record("a"))) == ["a"]
    assert texts(repetitions.admit(record("a", logging.ERROR))) == ["a"]
    assert texts(repetitions.admit(record("b"))) == ["b"]
    assert texts(repetitions.admit(record("a"))) == []


def test_however_many_messages_there_are_so_many_are_remembered_and_no_sum_is_lost() -> None:
    repetitions = Repetitions(limit=1, capacity=2)
    for text in ("a", "a", "b"):
        repetitions.admit(record(text))
    assert texts(repetitions.admit(record("c"))) == ["1 times more in 60 s: a", "c"]
    assert texts(repetitions.admit(record("a"))) == ["a"]


def test_a_failure_is_summed_up_without_its_traceback() -> None:
    repetitions = Repetitions(limit=1)
    for _ in range(2):
        failure = record("a")
        failure.exc_text = "Traceback"
        repetitions.admit(failure)
    (summary,) = repetitions.end()
    assert summary.exc_text is None
    assert repetitions.end() == []
