"""One Socket.IO event, encoded once however many sockets it goes to."""

from __future__ import annotations

from typing import Any

from socketio.packet import EVENT, Packet


class Frame:
    """An event name with its arguments, on its way from the server to clients."""

    __slots__ = ("_text", "args", "event")

    def __init__(self, event: str, *args: Any) -> None:
        self.event = event
        self.args = args
        self._text: str | None = None

    @property
    def text(self) -> str:
        """The Socket.IO packet, without the Engine.IO type in front."""
        if self._text is None:
            self._text = str(Packet(EVENT, data=[self.event, *self.args], namespace="/").encode())
        return self._text

    def __repr__(self) -> str:
        return f"Frame({self.event!r}, {self.args!r})"
