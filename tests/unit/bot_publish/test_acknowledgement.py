"""JetStream's answers."""

from __future__ import annotations

import pytest

from rosey_bot.publish.acknowledgement import decode


def test_a_sequence_is_no_refusal() -> None:
    answer = decode(b'{"stream":"S", "seq":7, "domain":"hub"}', None)
    assert (answer.seq, answer.duplicate, answer.refusal) == (7, False, None)


def test_a_duplicate_is_stored_too() -> None:
    answer = decode(b'{"stream":"S","seq":7,"duplicate":true}', None)
    assert answer.duplicate
    assert answer.refusal is None


@pytest.mark.parametrize(
    ("payload", "headers", "reason"),
    [
        (b'{"error":{"code":503,"err_code":10077,"description":"too many"},"stream":"S","seq":0}', None, "too many"),
        (b"", {"Status": "503"}, "no stream"),
        (b"", None, "unreadable"),
        (b"\xff", {"Status": "200"}, "unreadable"),
        (b'{"stream":"S"}', None, "without a sequence"),
    ],
)
def test_everything_else_is_a_refusal_with_its_reason(payload: bytes, headers: dict[str, str], reason: str) -> None:
    refusal = decode(payload, headers).refusal
    assert refusal is not None
    assert reason in refusal
