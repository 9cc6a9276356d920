"""The key-value bucket of a simulated pool, which can lose what was written last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rosey_bot.pool.writes import Write
from rosey_core.leases import Record

if TYPE_CHECKING:
    from tests.unit.bot_pool.world import World


class Store:
    """The key-value bucket.

    Attributes:
        entries: what stands there.
        sequence: the last revision.
        losses: how often it has lost what was written last.
    """

    def __init__(self, world: World) -> None:
        self._world: Final = world
        self.entries: dict[str, tuple[Record | None, int]] = {}
        self.sequence = 0
        self.losses = 0
        self._written: Final[list[tuple[float, str, tuple[Record | None, int] | None]]] = []

    def write(self, write: Write) -> int | None:
        """The new revision; ``None`` where another one stands there."""
        if self.entries.get(write.key, (None, 0))[1] != write.expected and not self._world.ignores_revision(write):
            return None
        self.sequence += 1
        self._written.append((self._world.now, write.key, self.entries.get(write.key)))
        self.entries[write.key] = (write.record, self.sequence)
        for node in self._world.nodes:
            if node.watches:
                node.tell(write.key, write.record, self.sequence)
        return self.sequence

    def lose(self, seconds: float) -> None:
        """Go back to what was written by then, and give the revisions since then to others."""
        self.losses += 1
        while self._written and self._written[-1][0] > self._world.now - seconds:
            _, key, before = self._written.pop()
            self.sequence -= 1
            if before is None:
                del self.entries[key]
            else:
                self.entries[key] = before
