"""Fixtures of the bot's unit tests."""

from __future__ import annotations

import pytest

from tests.unit.bot.harness import RoomHarness


@pytest.fixture
def harness() -> RoomHarness:
    """A room without a socket."""
    return RoomHarness()
