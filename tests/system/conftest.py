"""Whole Roseys for tests: each with a data directory of its own, and nothing of them left afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.system.rosey import RoseyUp


@pytest.fixture
def rosey_up(tmp_path: Path) -> Iterator[Callable[..., RoseyUp]]:
    """Start ``rosey up`` with more options: ``rosey_up("--for", "2s")``; one data directory for all of a test."""
    started: list[RoseyUp] = []

    def start(*arguments: str, terminal: bool = False) -> RoseyUp:
        rosey = RoseyUp(tmp_path / "data", *arguments, terminal=terminal)
        started.append(rosey)
        return rosey

    yield start
    for rosey in started:
        rosey.clean_up()
