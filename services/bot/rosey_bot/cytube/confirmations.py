"""What became of each request that is under way: found by the signs for it, among all frames that come meanwhile."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from rosey_bot.cytube import frames
from rosey_bot.cytube.acts import Act, Say, Whisper
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.signs import SIGNS, Done, Noted, Verdict, spoken
from rosey_bot.room.room import Room

OVERDUE: Final = 20
"""Lines whose echo did not come in time that are remembered."""
_ECHOES: Final = (frames.CHAT_MSG.name, frames.PM.name)


@dataclass(slots=True, eq=False)
class Expectation:
    """An act whose answer is awaited; ``verdict`` is settled by it.

    Attributes:
        is_overtaken: whether later ones were sent while it was awaited: what may mean any of them means the later one.
    """

    act: Act
    verdict: asyncio.Future[Verdict]
    notes: tuple[str, ...] = ()
    is_overtaken: bool = False


class Confirmations:
    """Finds for each act that is under way the frame that tells what became of it.

    A frame tells of one act: where several of a kind are under way, of the one that was asked first, and last of one
    that was overtaken, unless the frame repeats its very text. A line whose echo comes when nobody waits for it any
    more is remembered: its echo is not taken for the next line's.

    Args:
        room: the channel as it is after each frame.
    """

    def __init__(self, room: Room) -> None:
        self._room: Final = room
        self._expected: list[Expectation] = []
        self._overdue: deque[Say | Whisper] = deque(maxlen=OVERDUE)

    def follow(self, dispatcher: Dispatcher) -> None:
        """Take the frames of the table from ``dispatcher``."""
        frames_by_name = {sign.frame.name: sign.frame for signs in SIGNS.values() for sign in signs}
        for frame in frames_by_name.values():
            dispatcher.on(frame, self._reader(frame.name))

    def __len__(self) -> int:
        return len(self._expected)

    def expect(self, act: Act) -> Expectation:
        """Look for what becomes of ``act`` from now on, until ``forget``."""
        expectation = Expectation(act, asyncio.get_running_loop().create_future())
        self._expected.append(expectation)
        return expectation

    def forget(self, expectation: Expectation) -> None:
        """Look for it no more."""
        if expectation in self._expected:
            self._expected.remove(expectation)
            is_told = expectation.verdict.done() and not expectation.verdict.cancelled()
            if isinstance(expectation.act, Say | Whisper) and not is_told:
                self._overdue.append(expectation.act)

    def begin(self) -> None:
        """A new connection: what was asked over the last one is answered no more."""
        self._expected.clear()
        self._overdue.clear()

    def _reader(self, name: str) -> Callable[[Any], None]:
        def read(value: Any) -> None:
            if self._overdue and self._is_overdue(name, value):
                return
            for expectation in self._in_order(name, value):
                if not expectation.verdict.done() and self._settle(expectation, name, value):
                    return

        return read

    def _in_order(self, name: str, value: Any) -> list[Expectation]:
        if not any(expectation.is_overtaken for expectation in self._expected):
            return self._expected
        said = spoken(value.msg) if name in _ECHOES else None
        return sorted(
            self._expected,
            key=lambda expectation: (said is None or not _is_text(expectation.act, said), expectation.is_overtaken),
        )

    def _is_overdue(self, name: str, value: Any) -> bool:
        if name not in _ECHOES:
            return False
        # A channel's filters may have changed the text: then it is anybody's.
        said = spoken(value.msg)
        if any(_is_text(expectation.act, said) for expectation in self._expected):
            return False
        for act in self._overdue:
            if _is_text(act, said) and self._reads_as_done(act, name, value):
                self._overdue.remove(act)
                return True
        return False

    def _reads_as_done(self, act: Act, name: str, value: Any) -> bool:
        signs = (sign for sign in SIGNS[type(act)] if sign.frame.name == name)
        return any(isinstance(sign.read(act, value, self._room), Done) for sign in signs)

    def _settle(self, expectation: Expectation, name: str, value: Any) -> bool:
        for sign in SIGNS[type(expectation.act)]:
            reading = sign.read(expectation.act, value, self._room) if sign.frame.name == name else None
            if isinstance(reading, Noted):
                expectation.notes += (reading.text,)
                return True
            if reading is not None:
                if isinstance(reading, Done):
                    reading = dataclasses.replace(reading, notes=expectation.notes)
                expectation.verdict.set_result(reading)
                return True
        return False


def _is_text(act: Act, said: str) -> bool:
    return isinstance(act, Say | Whisper) and " ".join(act.text.split()) == said
