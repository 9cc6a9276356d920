"""Logging: what a person and a machine read, and that no secret is in it."""

from __future__ import annotations

import contextvars
import io
import json
import logging
import sys
import warnings
from typing import Any

import pytest

from rosey_core.telemetry import logs, tracing
from rosey_core.telemetry.logs import MASK, Redaction
from rosey_core.telemetry.repetitions import LIMIT

SECRET = 'hunter22"\\/ü@'


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def log(format: logs.Format = "json", level: str = "debug", stream: io.StringIO | None = None) -> io.StringIO:
    """Set logging up; returns what it writes to."""
    stream = io.StringIO() if stream is None else stream
    logs.configure(level, format, stream)
    return stream


def entry(stream: io.StringIO) -> dict[str, Any]:
    """The one entry that was written."""
    (line,) = stream.getvalue().splitlines()
    loaded: dict[str, Any] = json.loads(line)
    return loaded


def test_a_json_entry_says_when_how_grave_who_and_what(restored_logging: None) -> None:
    stream = log()
    logging.getLogger("rosey.part").warning("it is %s", "so")
    found = entry(stream)
    assert found.pop("time").endswith("Z")
    assert found == {"level": "warning", "logger": "rosey.part", "message": "it is so"}


def test_what_is_given_as_extra_becomes_a_field(restored_logging: None) -> None:
    stream = log()
    logging.info("x", extra={"channel": "lobby", "event_id": "e1", "trace_id": None, "count": 3, "odd": object})
    found = entry(stream)
    assert (found["channel"], found["event_id"], found["count"]) == ("lobby", "e1", 3)
    assert "trace_id" not in found
    assert found["odd"] == "<class 'object'>"


def test_an_exception_stays_within_its_line(restored_logging: None) -> None:
    stream = log()
    try:
        raise ValueError("broken\nin two")
    except ValueError:
        logging.exception("it failed", stack_info=True)
    found = entry(stream)
    assert "ValueError: broken\nin two" in found["exception"]
    assert "test_logs.py" in found["stack"]


def test_text_is_one_line_with_its_extras(restored_logging: None) -> None:
    stream = log("text")
    logging.getLogger("rosey.part").info("hello", extra={"channel": "lobby"})
    assert stream.getvalue().partition(" ")[2] == "INFO    rosey.part: hello  channel=lobby\n"


def test_text_shows_the_traceback_below(restored_logging: None) -> None:
    stream = log("text")
    try:
        raise ValueError("broken")
    except ValueError:
        logging.exception("it failed")
    first, second, *_, last = stream.getvalue().splitlines()
    assert first.endswith("it failed")
    assert second.startswith("Traceback")
    assert last == "ValueError: broken"


def test_a_chat_line_cannot_forge_an_entry_or_move_the_cursor(restored_logging: None) -> None:
    stream = log("text")
    logging.info("chat: %s", "hi\n12:00:00 ERROR forged\x1b[2J\u2028\x9b")
    assert len(stream.getvalue().splitlines()) == 1
    assert r"hi\n12:00:00 ERROR forged\x1b[2J\u2028\x9b" in stream.getvalue()


@pytest.mark.parametrize(("stream", "is_json"), [(io.StringIO(), True), (Terminal(), False)])
def test_auto_is_text_in_a_terminal_and_json_elsewhere(
    restored_logging: None, stream: io.StringIO, is_json: bool
) -> None:
    log("auto", stream=stream)
    logging.info("x")
    assert stream.getvalue().startswith("{") is is_json


def test_it_goes_to_standard_error_unless_told_otherwise(
    restored_logging: None, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("info", "json")
    logging.info("x")
    captured = capsys.readouterr()
    assert json.loads(captured.err)["message"] == "x"
    assert captured.out == ""


def test_below_the_level_nothing_is_written(restored_logging: None) -> None:
    stream = log(level="Warning")
    logging.info("x")
    assert stream.getvalue() == ""


def test_an_unknown_level_is_refused(restored_logging: None) -> None:
    with pytest.raises(ValueError, match="LOUD"):
        log(level="loud")


def test_setting_up_again_replaces_what_was_there(restored_logging: None) -> None:
    first, second = log(), log()
    logging.info("x")
    assert first.getvalue() == ""
    assert entry(second)["message"] == "x"


def test_warnings_of_libraries_are_logged(restored_logging: None) -> None:
    stream = log()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        # catch_warnings puts the original function back; capture anew inside of it.
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("old thing", UserWarning, stacklevel=1)
    assert "old thing" in entry(stream)["message"]


def broken_entry(secret: str) -> None:
    """Log ``secret`` in each place that an entry has."""
    try:
        raise ValueError(f"login with {secret} failed")
    except ValueError:
        logging.getLogger("x").exception(
            "%s and %r", secret, {"password": secret}, extra={"channel": f"<{secret}>"}, stack_info=True
        )


@pytest.mark.parametrize("format", ["json", "text"])
def test_a_secret_is_in_no_part_of_an_entry(restored_logging: None, format: logs.Format) -> None:
    stream = log(format)
    logs.hide([SECRET])
    broken_entry(SECRET)
    written = stream.getvalue()
    assert "hunter22" not in written
    assert written.count(MASK) >= 4
    assert "login with" in written


def test_without_hiding_the_secret_would_be_there(restored_logging: None) -> None:
    stream = log()
    broken_entry(SECRET)
    assert stream.getvalue().count("hunter22") >= 4


@pytest.mark.parametrize(
    "text",
    [
        f"raw {SECRET}",
        "nats://rosey:hunter22%22%5C%2F%C3%BC%40@host",
        "path hunter22%22%5C/%C3%BC%40",
        json.dumps({"password": SECRET}),
        repr({"password": SECRET}),
    ],
)
def test_a_secret_is_masked_however_it_is_spelt(text: str) -> None:
    redaction = Redaction()
    redaction.hide([SECRET])
    assert MASK in redaction.text(text)
    assert "hunter22" not in redaction.text(text)


def test_a_secret_that_holds_another_is_masked_whole() -> None:
    redaction = Redaction()
    redaction.hide(["hunter", "hunter22"])
    redaction.hide(["hunter22-and-more"])
    assert redaction.text("hunter22-and-more, hunter22, hunter") == f"{MASK}, {MASK}, {MASK}"


def test_a_short_secret_is_masked_as_a_word_only() -> None:
    redaction = Redaction()
    redaction.hide(["a"])
    assert redaction.text("a banana: a.") == f"{MASK} banana: {MASK}."


def test_an_empty_secret_masks_nothing() -> None:
    redaction = Redaction()
    redaction.hide(["", ""])
    assert redaction.text("as it was") == "as it was"


def test_a_traceback_that_another_handler_has_formatted_is_masked_too() -> None:
    redaction = Redaction()
    redaction.hide([SECRET])
    try:
        raise ValueError(SECRET)
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "m", None, exc_info=sys.exc_info())
    record.exc_text = f"ValueError: {SECRET}"
    redaction.filter(record)
    assert record.exc_text == f"ValueError: {MASK}"


def test_printed_text_can_be_masked() -> None:
    logs.hide(["hunter22"])
    assert logs.redacted("pw hunter22") == f"pw {MASK}"


def test_an_entry_has_the_channel_and_the_trace_that_its_task_is_about(restored_logging: None) -> None:
    def work() -> dict[str, Any]:
        stream = log()
        logs.bind("lobby")
        tracing.CURRENT.set(tracing.Scope(tracing.TraceContext(0xABC, 1)))
        logging.info("x")
        return entry(stream)

    found = contextvars.copy_context().run(work)
    assert (found["channel"], found["trace_id"]) == ("lobby", f"{0xABC:032x}")
    stream = log()
    logging.info("x")
    assert {"channel", "trace_id"}.isdisjoint(entry(stream))


def test_text_does_not_name_a_channel_twice(restored_logging: None) -> None:
    stream = log("text")
    logging.info("lobby: joined", extra={"channel": "lobby"})
    assert stream.getvalue().endswith("lobby: joined\n")


def test_the_sum_of_what_was_left_out_is_written_at_the_end(restored_logging: None) -> None:
    stream = log("text")
    for number in range(25):
        logging.warning("the same")
        logging.warning("another %d", number)
    logging.getLogger().handlers[0].close()
    text = stream.getvalue()
    assert text.count("the same") == LIMIT + 1
    assert text.count("another") == 25
    assert "15 times more in 60 s: the same" in text.splitlines()[-1]


def test_setting_up_again_loses_no_count(restored_logging: None) -> None:
    stream = log("text")
    for _ in range(25):
        logging.warning("the same")
    log("text")
    assert "15 times more" in stream.getvalue()
