"""A channel's options and permissions, as far as the bot acts on them."""

from __future__ import annotations

from collections.abc import Mapping


class Permissions:
    """The least rank for each thing that can be done in the channel (PROTOCOL.md 4)."""

    def __init__(self) -> None:
        self._ranks: dict[str, float] = {}

    def clear(self) -> None:
        """Know nothing: the connection is new."""
        self._ranks.clear()

    def replace(self, ranks: Mapping[str, float]) -> None:
        """Take a complete set."""
        self._ranks = dict(ranks)

    def allow(self, action: str, rank: float) -> bool:
        """Whether ``rank`` may do it; what CyTube has not told is assumed allowed, since CyTube decides."""
        return rank >= self._ranks.get(action, rank)

    def needed(self, action: str) -> float | None:
        """The least rank for it; ``None`` where CyTube has not told."""
        return self._ranks.get(action)
