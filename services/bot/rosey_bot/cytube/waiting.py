"""What waits to be sent, and what goes next: nobody's flood of messages keeps others from theirs.

CyTube takes some ten messages a second. In the order of their coming, one user's long answers would hold up everybody
else's for seconds. So recipients take turns, a message each. Who was sent nothing while the others took theirs, and is
to be sent something short, gets that at once and as a whole. What one recipient gets keeps its order.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")

SHORT: Final = 5
"""Messages that a newcomer may get without a turn of the others in between."""
URGENT_IN_A_ROW: Final = 8
"""Urgent messages after which one that is not urgent has its turn: commands outrank chatter, and never silence it."""


@dataclass(slots=True)
class _Newcomer(Generic[T]):
    messages: deque[T] = field(default_factory=deque)
    given: int = 0


class Rotation(Generic[T]):
    """Messages whose recipients take turns.

    While something waits for a recipient, no other is given more than ``SHORT`` messages before it. A newcomer waits
    for other newcomers alone, and is none any more with more than ``SHORT`` messages.
    """

    def __init__(self) -> None:
        self._newcomers: dict[str, _Newcomer[T]] = {}
        self._others: dict[str, deque[T]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, recipient: str, message: T) -> None:
        """Let a message wait."""
        self._count += 1
        if recipient in self._others:
            self._others[recipient].append(message)
            return
        newcomer = self._newcomers.setdefault(recipient, _Newcomer())
        newcomer.messages.append(message)
        if newcomer.given + len(newcomer.messages) > SHORT:
            self._take_in(recipient)

    def take(self) -> T:
        """The message whose turn it is; it waits no more.

        Raises:
            IndexError: none waits.
        """
        if not self._count:
            raise IndexError("no message waits")
        self._count -= 1
        message = self._of_a_newcomer() if self._newcomers else self._of_another()
        if not self._count:
            self._others.clear()
        return message

    def _of_a_newcomer(self) -> T:
        recipient, newcomer = next(iter(self._newcomers.items()))
        message = newcomer.messages.popleft()
        newcomer.given += 1
        if not newcomer.messages:
            # With nothing left, too: who comes back before the others have had their turns is no newcomer.
            self._take_in(recipient)
        return message

    def _take_in(self, recipient: str) -> None:
        self._others[recipient] = self._newcomers.pop(recipient).messages

    def _of_another(self) -> T:
        while True:
            recipient, messages = next(iter(self._others.items()))
            del self._others[recipient]
            if messages:
                message = messages.popleft()
                self._others[recipient] = messages
                return message


class Waiting(Generic[T]):
    """All that waits: what is urgent goes before what is not."""

    def __init__(self) -> None:
        self._urgent: Final[Rotation[T]] = Rotation()
        self._ordinary: Final[Rotation[T]] = Rotation()
        self._in_a_row = 0

    def __len__(self) -> int:
        return len(self._urgent) + len(self._ordinary)

    def count(self, *, urgent: bool) -> int:
        """How many messages of this urgency wait."""
        return len(self._urgent if urgent else self._ordinary)

    def add(self, recipient: str, message: T, *, urgent: bool) -> None:
        """Let a message wait."""
        (self._urgent if urgent else self._ordinary).add(recipient, message)

    def take(self) -> T:
        """The message whose turn it is; it waits no more.

        Raises:
            IndexError: none waits.
        """
        if self._urgent and (self._in_a_row < URGENT_IN_A_ROW or not self._ordinary):
            self._in_a_row += 1
            return self._urgent.take()
        self._in_a_row = 0
        return self._ordinary.take()
