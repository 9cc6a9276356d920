"""Holds a replay against its recording."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from rosey_simulator.server import SimulatorServer
from tests.recordings.client import Seen
from tests.recordings.comparison import comparable
from tests.recordings.differences import Edit, edits
from tests.recordings.replay import ConnectionLog, Replay
from tests.recordings.transcript import load


async def differences(
    name: str,
    make_server: Callable[..., SimulatorServer] = SimulatorServer,
    edits_of: Callable[[str, str], list[Edit]] = edits,
) -> list[str]:
    """What differs between the recording and a simulator that gets the same client frames, as lines to read."""
    found: list[str] = []
    for log in await Replay(load(name), make_server).run():
        found.extend(_compare(log, edits_of(name, log.label)))
    return found


def _compare(log: ConnectionLog, accepted: list[Edit]) -> list[str]:
    recorded, replayed = log.recorded, log.replayed
    for edit in accepted:
        recorded, replayed = edit(recorded), edit(replayed)
    lines = list(difflib.unified_diff(_text(recorded), _text(replayed), "recorded", "simulated", lineterm="", n=2))
    return [f"{log.label}, connection {log.number}:", *lines] if lines else []


def _text(frames: list[Seen]) -> list[str]:
    return [comparable(seen) for seen in frames]
