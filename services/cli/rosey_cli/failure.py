"""What ends a command: a sentence for people, and an exit code."""

from __future__ import annotations


class Failure(Exception):
    """The command cannot do what it was asked; the text says what is wrong, where, and what to do.

    Args:
        text: for people.
        code: the exit code.
    """

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code
