"""The regular expressions a room runs over its chat."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


class FilterError(Exception):
    """The filter cannot be used; the text goes to the moderator."""


@dataclass
class ChatFilter:
    """One replacement. `replace` refers to groups as \\1."""

    name: str
    source: str
    flags: str
    replace: str
    active: bool = True
    filterlinks: bool = False

    def __post_init__(self) -> None:
        try:
            self._pattern = re.compile(self.source, re.IGNORECASE if "i" in self.flags else 0)
        except re.error as error:
            raise FilterError(f"Invalid regex: {str(error).partition(',')[0]}") from error

    def apply(self, text: str) -> str:
        return self._pattern.sub(self._replacement, text, count=0 if "g" in self.flags else 1)

    def _replacement(self, match: re.Match[str]) -> str:
        def group(reference: re.Match[str]) -> str:
            number = int(reference[1])
            return (match[number] or "") if number <= (match.re.groups or 0) else ""

        return re.sub(r"\\(\d)", group, self.replace)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "source": self.source,
            "flags": self.flags,
            "replace": self.replace,
            "active": self.active,
            "filterlinks": self.filterlinks,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ChatFilter:
        """Raises FilterError for a filter that is none. "$1" is another spelling of "\\1"."""
        texts = [data.get(key) for key in ("name", "source", "flags", "replace")]
        name, source, flags, replace = ("", "", "", "") if not all(isinstance(text, str) for text in texts) else texts
        if not name or source is None or flags is None or replace is None:
            raise FilterError("Invalid filter")
        return cls(
            name,
            source,
            flags,
            re.sub(r"\$(\d)", r"\\\1", replace),
            bool(data.get("active")),
            bool(data.get("filterlinks")),
        )


def default_filters() -> list[ChatFilter]:
    """What a registered room starts with (PROTOCOL section 5)."""
    return [
        ChatFilter("monospace", "`(.+?)`", "g", "<code>\\1</code>"),
        ChatFilter("bold", r"\*(.+?)\*", "g", "<strong>\\1</strong>"),
        ChatFilter("italic", "_(.+?)_", "g", "<em>\\1</em>"),
        ChatFilter("strike", "~~(.+?)~~", "g", "<s>\\1</s>"),
        ChatFilter("inline spoiler", r"\[sp\](.*?)\[\/sp\]", "gi", '<span class="spoiler">\\1</span>'),
    ]


class ChatFilters:
    """The filters of one room, in the order in which they run."""

    def __init__(self, filters: Iterable[ChatFilter] = ()) -> None:
        self.filters = list(filters)

    def apply(self, text: str, *, links_only: bool = False) -> str:
        for chat_filter in self.filters:
            if chat_filter.active and (chat_filter.filterlinks or not links_only):
                text = chat_filter.apply(text)
        return text

    def find(self, name: str) -> ChatFilter | None:
        return next((each for each in self.filters if each.name == name), None)

    def put(self, chat_filter: ChatFilter) -> None:
        """Replace the filter of that name, or add it at the end."""
        for index, each in enumerate(self.filters):
            if each.name == chat_filter.name:
                self.filters[index] = chat_filter
                return
        self.filters.append(chat_filter)

    def remove(self, name: str) -> bool:
        found = self.find(name)
        if found is not None:
            self.filters.remove(found)
        return found is not None
