"""The turns that tests in a cluster take: beside one another, or alone."""

from __future__ import annotations

import fcntl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.cluster.turns import DOOR, turn
from tests.support.waiting import until


def test_many_have_a_turn_at_once(tmp_path: Path) -> None:
    with turn(alone=False, folder=tmp_path), turn(alone=False, folder=tmp_path):
        pass


async def test_who_wants_to_be_alone_waits_for_all_and_is_passed_by_nobody(tmp_path: Path) -> None:
    order: list[str] = []

    def take(name: str, alone: bool) -> None:
        with turn(alone=alone, folder=tmp_path):
            order.append(name)

    with ThreadPoolExecutor() as threads:
        with turn(alone=False, folder=tmp_path):
            alone = threads.submit(take, "alone", True)
            await until(lambda: is_held(tmp_path / DOOR))
            later = threads.submit(take, "later", False)
            order.append("before")
        alone.result(timeout=10)
        later.result(timeout=10)
    assert order == ["before", "alone", "later"]


def is_held(lock: Path) -> bool:
    """Whether somebody has a lock."""
    with lock.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
