"""The recordings of one client: its connections and the frames that it got on them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Frame:
    """A frame that the client got, ``time`` seconds after the recording began."""

    time: float
    event: str
    args: list[Any]


@dataclass
class Connection:
    """A connection of the client: its frames, and when it was gone."""

    frames: list[Frame] = field(default_factory=list)
    ended: float = 0.0


class Recording:
    """What one client got.

    Attributes:
        path: the file.
        connections: in their order.
        began: Unix seconds by CyTube's clock; when the recording began.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connections: list[Connection] = []
        for line in path.read_text(encoding="ascii").splitlines():
            row = json.loads(line)
            if row["event"] == "@connect":
                self.connections.append(Connection())
            elif row["event"] == "@close":
                self.connections[-1].ended = row["t"]
            elif row["dir"] == "recv" and not row["event"].startswith("@"):
                self.connections[-1].frames.append(Frame(row["t"], row["event"], row["args"]))
        # A line cannot be shown before it was said; those that are shown at once make this the server's own time.
        self.began = max(
            frame.args[0]["time"] / 1000 - frame.time
            for connection in self.connections
            for frame in connection.frames
            if frame.event == "chatMsg"
        )
