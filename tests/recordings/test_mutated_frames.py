"""Nothing that a server may send ends the bot: every frame of every recording, with something wrong in it."""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosey_bot.cytube import frames
from tests.recordings import transcript
from tests.unit.bot.harness import read_recording
from tests.unit.bot.test_malformed_frames import follow_mutated, mutated_frames, places

NAMES = sorted(path.stem for path in transcript.directory().glob("*.jsonl"))
LEFT_OUT = object()
ODD_VALUES = (None, True, -1, 2**64, float("nan"), "", "\ud800", [], [None], {}, LEFT_OUT)

FrameArguments = tuple[str, list[Any]]


def received(name: str) -> list[FrameArguments]:
    """What anybody received in a recording, each once."""
    rows = [row for row in transcript.load(name).rows if not row.sent and not row.event.startswith("@")]
    return list({json.dumps([row.event, row.args]): (row.event, row.args) for row in rows}.values())


RECORDED = {name: found for name in NAMES if (found := received(name))}


def mutations(frame: FrameArguments) -> Iterator[FrameArguments]:
    """The frame with each place of it made odd, or left out."""
    event, arguments = frame
    for *path, last in places(arguments)[1:]:
        for value in ODD_VALUES:
            mutated = copy.deepcopy(arguments)
            target: Any = mutated
            for key in path:
                target = target[key]
            if value is LEFT_OUT:
                del target[last]
            else:
                target[last] = value
            yield event, mutated


def test_all_recordings_are_here() -> None:
    assert len(NAMES) == 23
    assert sorted([*RECORDED, "discovery"]) == NAMES


@pytest.mark.parametrize("name", RECORDED)
def test_every_recorded_frame_mutated_never_ends_the_bot(name: str) -> None:
    @given(st.lists(mutated_frames(RECORDED[name]), min_size=1, max_size=30))
    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def survive(mutated: list[FrameArguments]) -> None:
        asyncio.run(follow_mutated(mutated))

    survive()


@pytest.mark.parametrize("name", RECORDED)
def test_every_place_of_every_recorded_frame_may_be_odd(name: str) -> None:
    every = [mutated for frame in RECORDED[name] for mutated in mutations(_shortened(frame))]
    asyncio.run(follow_mutated(every))


def test_an_error_that_gets_out_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "_REFUSALS", ())
    with pytest.raises(msgspec.ValidationError):
        asyncio.run(follow_mutated(list(mutations(RECORDED["users"][0]))))


def test_the_products_own_frames_are_of_every_recorded_kind() -> None:
    recorded = {event for found in RECORDED.values() for event, _ in found}
    assert recorded == {entry["event"] for entry in read_recording("frames")}


def _shortened(frame: FrameArguments) -> FrameArguments:
    """The frame with two of the members of each list: the others are of the same kind."""

    def shorten(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: shorten(inner) for key, inner in value.items()}
        return [shorten(inner) for inner in value[:2]] if isinstance(value, list) else value

    event, arguments = frame
    return event, [shorten(argument) for argument in arguments]
