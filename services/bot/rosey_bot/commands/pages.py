"""Long answers, a page at a time: ``more`` shows the next."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from rosey_bot.cytube.text import split_message
from rosey_core.identity import user_key

PAGE: Final = 10
"""Messages a page: as many as go out at once within the rate limit."""
REMEMBERED_USERS: Final = 100


class Pages:
    """What of their last long answer each user has not seen yet."""

    def __init__(self) -> None:
        self._rest: OrderedDict[str, list[str]] = OrderedDict()

    def first(self, username: str, lines: Sequence[str]) -> list[str]:
        """The messages of an answer that are shown now; the rest is kept for ``more``."""
        return self._page(username, [message for line in lines for message in split_message(line)])

    def more(self, username: str) -> list[str]:
        """The next page; empty where there is none."""
        return self._page(username, self._rest.pop(user_key(username), []))

    def _page(self, username: str, messages: list[str]) -> list[str]:
        if len(messages) <= PAGE:
            return messages
        shown, rest = messages[: PAGE - 1], messages[PAGE - 1 :]
        self._rest[user_key(username)] = rest
        self._rest.move_to_end(user_key(username))
        if len(self._rest) > REMEMBERED_USERS:
            self._rest.popitem(last=False)
        return [*shown, f"({len(rest)} more: send more)"]
