"""Every frame goes through one table: decoded once, handed to each who follows it, and never an exception out.

A frame of the wrong shape, and a handler that fails, are counted for each kind and logged once for each kind: a
server that sends a million of them must not fill the disk.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from rosey_bot.cytube.frames import Frame, MalformedFrame

log = logging.getLogger(__name__)

T = TypeVar("T")


class Dispatcher:
    """The table from a frame's name to those who follow it, for one channel.

    Args:
        channel: the channel's key, for the log.
        observe: told the name of every frame that comes, known or not; what it returns, if anything, is called when
            the frame has been dealt with.

    Attributes:
        malformed: frames of the wrong shape, by the frame's name.
        failed: frames that a handler could not deal with, by the frame's name.
    """

    malformed: Counter[str]
    failed: Counter[str]

    def __init__(self, channel: str, *, observe: Callable[[str], Callable[[], None] | None] | None = None) -> None:
        self._channel: Final = channel
        self._observe: Final = observe
        self._table: dict[str, tuple[Frame[Any], list[Callable[[Any], None]]]] = {}
        self.malformed = Counter()
        self.failed = Counter()

    def on(self, frame: Frame[T], handler: Callable[[T], None]) -> None:
        """Call ``handler`` with each such frame, after the handlers that were added before; it must be cheap."""
        self._table.setdefault(frame.name, (frame, []))[1].append(handler)

    def dispatch(self, name: str, arguments: Sequence[Any]) -> None:
        """Hand a frame to its handlers; whatever is wrong with it, nothing is raised."""
        done = None if self._observe is None else self._observe(name)
        self._hand_over(name, arguments)
        if done is not None:
            done()

    def _hand_over(self, name: str, arguments: Sequence[Any]) -> None:
        entry = self._table.get(name)
        if entry is None:
            return
        frame, handlers = entry
        try:
            value = frame.decode(arguments)
        except MalformedFrame as error:
            self.malformed[name] += 1
            if self.malformed[name] == 1:
                log.warning("%s: malformed %s frame ignored: %.200s", self._channel, name, error)
            return
        for handler in handlers:
            try:
                handler(value)
            except Exception:
                self.failed[name] += 1
                if self.failed[name] == 1:
                    log.exception("%s: a handler of %s frames failed", self._channel, name)
