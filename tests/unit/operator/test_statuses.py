"""What the bots tell counts by when it was seen here."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from nats.js.kv import KeyValue

from rosey_core import channel_status
from rosey_core.channel_status import REPETITION, SILENCE, ChannelStatus
from rosey_operator.statuses import Statuses
from tests.support.clock import MovableClock

BEAT = "bot.a-1"


def entry(key: str, value: bytes, revision: int, operation: str | None = None) -> KeyValue.Entry:
    return KeyValue.Entry(
        bucket="", key=key, value=value, revision=revision, delta=0, created=None, operation=operation
    )


def told(revision: int, beat: str | None = BEAT) -> KeyValue.Entry:
    status = ChannelStatus(key="lobby", origin="added", state="joined", updated=0.0, beat=beat)
    return entry("lobby", channel_status.encode(status), revision)


@pytest.fixture
def statuses(clock: MovableClock) -> Statuses:
    """A bot is alive, and in the lobby."""
    found = Statuses(clock)
    found.replace([entry(BEAT, b"", 1), told(2)])
    assert list(found.current()) == ["lobby"]
    return found


def test_a_status_counts_as_long_as_its_bot_beats(statuses: Statuses, clock: MovableClock) -> None:
    for revision in range(3, 23):
        clock.move(SILENCE / 3)
        statuses.take(entry(BEAT, b"", revision))
    assert list(statuses.current()) == ["lobby"], "it need not be repeated"
    clock.move(SILENCE)
    statuses.take(told(23))
    assert statuses.current() == {}, "nor does it count for being repeated"
    statuses.take(entry(BEAT, b"", 24))
    assert list(statuses.current()) == ["lobby"]


def test_one_that_names_no_beat_counts_as_long_as_it_is_repeated(clock: MovableClock) -> None:
    statuses = Statuses(clock)
    for revision in range(1, 4):
        statuses.take(told(revision, beat=None))
        clock.move(REPETITION - 1)
        assert list(statuses.current()) == ["lobby"]
    clock.move(1)
    assert statuses.current() == {}


def test_what_is_only_read_again_is_no_older_and_no_younger(statuses: Statuses, clock: MovableClock) -> None:
    clock.move(SILENCE - 1)
    statuses.replace([entry(BEAT, b"", 1), told(2)])
    assert list(statuses.current()) == ["lobby"]
    clock.move(1)
    assert statuses.current() == {}
    statuses.replace([entry(BEAT, b"", 1), told(2)])
    assert statuses.current() == {}
    statuses.replace([entry(BEAT, b"", 3), told(2)])
    assert list(statuses.current()) == ["lobby"]


def test_after_a_loss_bots_get_the_time_to_come_back(statuses: Statuses, clock: MovableClock) -> None:
    clock.move(100)
    statuses.forget()
    assert statuses.current() == {}
    statuses.replace([entry(BEAT, b"", 1), told(2)])
    clock.move(SILENCE - 1)
    assert list(statuses.current()) == ["lobby"]
    clock.move(1)
    assert statuses.current() == {}


@pytest.mark.parametrize("key", [BEAT, "lobby"])
def test_what_is_deleted_counts_no_more(statuses: Statuses, key: str) -> None:
    statuses.take(entry(key, b"", 3, "DEL"))
    assert statuses.current() == {}


def test_broken_variant_that_goes_by_repetition_alone_is_found(
    statuses: Statuses, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def is_repeated(status: ChannelStatus, ages: Mapping[str, float]) -> bool:
        return ages.get(status.key, REPETITION) < REPETITION

    monkeypatch.setattr(channel_status, "is_current", is_repeated)
    with pytest.raises(AssertionError):
        test_a_status_counts_as_long_as_its_bot_beats(statuses, clock)
