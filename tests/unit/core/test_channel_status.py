"""What a bot has told counts as long as it shows that it is alive."""

from __future__ import annotations

import pytest

from rosey_core import channel_status
from rosey_core.channel_status import REPETITION, SILENCE, ChannelStatus, beat_key, is_beat_key, is_current
from rosey_core.channels import is_channel_key

STATUS = ChannelStatus(key="lobby", origin="added", state="joined", updated=0.0)
BEATING = ChannelStatus(key="lobby", origin="added", state="joined", updated=0.0, beat="bot.a-1")


@pytest.mark.parametrize(
    ("status", "ages", "counts"),
    [
        (BEATING, {"lobby": 1000, "bot.a-1": SILENCE - 0.1}, True),
        (BEATING, {"lobby": 0, "bot.a-1": SILENCE}, False),
        (BEATING, {"lobby": 0}, False),
        (BEATING, {"lobby": 0, "bot.a-2": 0}, False),
        (STATUS, {"lobby": REPETITION - 0.1}, True),
        (STATUS, {"lobby": REPETITION}, False),
        (STATUS, {}, False),
    ],
)
def test_a_status_counts_as_long_as_its_bot_beats(status: ChannelStatus, ages: dict[str, float], counts: bool) -> None:
    assert is_current(status, ages) is counts


@pytest.mark.parametrize("bot", ["rosey-bot-7d9f-x2x4z-1", "a name, with: all sorts \u00e9", "", "x" * 100])
def test_a_beat_has_no_channels_key_and_another_one_in_each_life(bot: str) -> None:
    key = beat_key(bot, "1")
    assert is_beat_key(key)
    assert not is_channel_key(key)
    assert set(key) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=.")
    assert key != beat_key(bot, "2")


def test_the_beat_is_stored_and_earlier_releases_statuses_are_read() -> None:
    assert channel_status.decode(channel_status.encode(BEATING)) == BEATING
    assert channel_status.decode(b'{"key":"lobby","origin":"added","state":"joined","updated":0.0}') == STATUS


def test_a_bot_may_miss_a_beat() -> None:
    assert channel_status.BEAT_INTERVAL * 2 < SILENCE
