"""Where events go: the one thing that everything which publishes knows of publishing."""

from __future__ import annotations

from typing import Protocol

from rosey_core.events import Event


class EventSink(Protocol):
    """Takes events for delivery."""

    def publish(self, event: Event) -> None:
        """Take an event; never blocks, never raises."""
