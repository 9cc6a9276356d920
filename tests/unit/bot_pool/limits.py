"""What a simulated pool is set to, and what its CyTube server allows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rosey_bot.pool.turns import Pace, TurnKind

TTL: Final = 3.0
PLENTY: Final = Pace(100, 0.01)


@dataclass(frozen=True)
class Limits:
    """What a CyTube server allows an address here."""

    connections: int = 100
    connect: Pace = PLENTY
    guest: Pace = PLENTY

    @property
    def paces(self) -> dict[TurnKind, Pace]:
        return {"connect": self.connect, "guest": self.guest}
