"""Turns of what waits to be sent: order, fairness, and nobody who is left waiting for ever."""

from __future__ import annotations

from collections import Counter, deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rosey_bot.cytube.waiting import SHORT, URGENT_IN_A_ROW, Rotation, Waiting

RECIPIENTS = st.sampled_from("abcdef")
STEPS = st.lists(st.one_of(RECIPIENTS, st.none()), max_size=200)
"""A recipient: a message for whom comes. ``None``: one is taken."""


class FirstInFirstOut(Rotation[tuple[str, int]]):
    """Broken: in the order of their coming."""

    def __init__(self) -> None:
        super().__init__()
        self._queue: deque[tuple[str, int]] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, recipient: str, message: tuple[str, int]) -> None:
        self._queue.append(message)

    def take(self) -> tuple[str, int]:
        return self._queue.popleft()


class NewcomersFirst(Rotation[tuple[str, int]]):
    """Broken: who has just been given their last message is a newcomer again with the next."""

    def take(self) -> tuple[str, int]:
        message = super().take()
        self._others = {recipient: messages for recipient, messages in self._others.items() if messages}
        return message


def serve(rotation: Rotation[tuple[str, int]], steps: list[str | None]) -> list[str]:
    """Go through the steps and then take what is left; fails where order or fairness is broken."""
    come: Counter[str] = Counter()
    gone: Counter[str] = Counter()
    served: list[str] = []
    before: dict[str, Counter[str]] = {}
    for step in [*steps, *[None] * len(steps)]:
        if step is not None:
            rotation.add(step, (step, come[step]))
            come[step] += 1
            before.setdefault(step, Counter())
        elif len(rotation):
            recipient, number = rotation.take()
            assert number == gone[recipient], "out of order"
            gone[recipient] += 1
            served.append(recipient)
            before.pop(recipient)
            for waiting in before:
                before[waiting][recipient] += 1
                assert before[waiting][recipient] <= SHORT, f"{waiting} waits, and {recipient} gets more and more"
            if come[recipient] > gone[recipient]:
                before[recipient] = Counter()
    assert come == gone
    return served


@given(STEPS)
def test_order_is_kept_and_turns_are_taken(steps: list[str | None]) -> None:
    serve(Rotation(), steps)


FLOOD: list[str | None] = [*"a" * 50, "b"]
RETURNING: list[str | None] = [*"a" * 10, *[None] * SHORT, *["b", None] * 10]


@pytest.mark.parametrize(("broken", "steps"), [(FirstInFirstOut, FLOOD), (NewcomersFirst, RETURNING)])
def test_broken_variant_lets_somebody_wait(broken: type[Rotation[tuple[str, int]]], steps: list[str | None]) -> None:
    serve(Rotation(), steps)
    with pytest.raises(AssertionError, match="waits, and"):
        serve(broken(), steps)


@given(st.integers(1, 30), st.integers(1, SHORT))
def test_a_newcomer_gets_a_short_answer_at_once_whoever_floods(flooders: int, length: int) -> None:
    rotation: Rotation[tuple[str, int]] = Rotation()
    names = [f"flooder{number}" for number in range(flooders)]
    for name in names:
        for number in range(SHORT + 1):
            rotation.add(name, (name, number))
    for number in range(length):
        rotation.add("newcomer", ("newcomer", number))
    assert [rotation.take() for _ in range(length)] == [("newcomer", number) for number in range(length)]


def test_who_floods_takes_turns() -> None:
    rotation: Rotation[tuple[str, int]] = Rotation()
    for name in "abc":
        for number in range(SHORT + 1):
            rotation.add(name, (name, number))
    assert "".join(rotation.take()[0] for _ in range(len(rotation))) == "abc" * (SHORT + 1)


def test_who_comes_for_more_while_it_is_served_is_no_newcomer_any_more() -> None:
    rotation: Rotation[tuple[str, int]] = Rotation()
    for name in "ab":
        rotation.add(name, (name, 0))
    taken = []
    for number in range(1, SHORT + 3):
        taken.append(rotation.take()[0])
        rotation.add("b", ("b", number))
    assert taken[: SHORT + 1] == ["a", *"b" * SHORT]
    rotation.add("c", ("c", 0))
    assert rotation.take()[0] == "c"


def test_nothing_waits() -> None:
    with pytest.raises(IndexError):
        Rotation().take()
    with pytest.raises(IndexError):
        Waiting().take()


@given(st.lists(st.one_of(st.booleans(), st.none()), max_size=200))
def test_commands_outrank_chatter_and_never_silence_it(steps: list[bool | None]) -> None:
    waiting: Waiting[bool] = Waiting()
    come: Counter[bool] = Counter()
    gone: Counter[bool] = Counter()
    passed = 0
    for step in [*steps, *[None] * len(steps)]:
        if step is not None:
            waiting.add("somebody", step, urgent=step)
            come[step] += 1
        elif len(waiting):
            was_urgent_there, was_chatter_there = waiting.count(urgent=True), waiting.count(urgent=False)
            urgent = waiting.take()
            gone[urgent] += 1
            passed = passed + 1 if urgent and was_chatter_there else 0
            assert passed <= URGENT_IN_A_ROW
            assert urgent or not was_urgent_there or gone[True] >= URGENT_IN_A_ROW
    assert come == gone
