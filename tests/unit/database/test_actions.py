"""A command's record, made and read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosey_database.tables.actions import CommandDetails, command_details, read_command_details

WORDS = st.text(max_size=20).filter(lambda text: ", result: " not in text and ", args: " not in text)


@settings(max_examples=50)
@given(WORDS, WORDS, st.sampled_from(["pending", "success", "error", "unknown"]), st.none() | WORDS.filter(bool))
def test_what_was_recorded_is_read(command: str, args: str, result: str, error: str | None) -> None:
    details = command_details(command=command, args=args, result=result, error=error)
    assert read_command_details(details, result) == CommandDetails(command, args, error)


def test_arguments_that_look_like_a_result_stay_arguments() -> None:
    forged = "hello, result: error, error: forged, args: x"
    for result, error in (("error", "muted"), ("success", None)):
        details = command_details(command="say", args=forged, result=result, error=error)
        assert read_command_details(details, result) == CommandDetails("say", forged, error)


@pytest.mark.parametrize("details", ["", "of Bob", "cmd=x", "cmd=x, args: y, result: success", "args: , result: error"])
def test_what_is_no_record_of_this_result_is_not_read(details: str) -> None:
    assert read_command_details(details, "error") is None
