"""Snapshots for tests of what shows them."""

from __future__ import annotations

from rosey_cli.up.channel import Channel
from rosey_cli.up.child import State
from rosey_cli.up.journal import Entry, Level
from rosey_cli.up.snapshot import Latency, ProcessState, Snapshot
from rosey_core.events import ChatMessage, MediaPlayed, PresentUser, StatusData, StatusUpdate, UsersPresent

NOW = 1_700_000_000.0


def lobby(key: str = "lobby") -> Channel:
    """A channel with two users, a video and a line of chat that would like to colour the screen."""
    channel = Channel(key)
    channel.apply(UsersPresent(users=[PresentUser("Alice"), PresentUser("Bob🍿")], timestamp=NOW - 9), NOW)
    channel.apply(StatusUpdate(status_data=StatusData(current_connected_users=3)), NOW)
    channel.apply(
        MediaPlayed(title="Big Buck Bunny", type="yt", id="x", duration=100, started=NOW - 25, queued_by="Bob"), NOW
    )
    channel.apply(ChatMessage(username="Alice", message="hi \x1b[31m*there*", timestamp=NOW - 5), NOW)
    return channel


def busy(seconds: float = 61.0) -> Snapshot:
    """A run in which much is going on."""
    return Snapshot(
        time=NOW,
        seconds=seconds,
        published=120,
        stored=110,
        rejected=1,
        waiting=4,
        held=5,
        per_second=12.34,
        in_room=True,
        frame_to_row=Latency(1.5, 3.25, 9.75),
        channels=[lobby()],
        processes=[
            ProcessState("nats-server", State.READY, 10, 0, 1.5, 2.0, 20_000_000, 30_000_000),
            ProcessState("rosey-bot", State.UNREADY, 11, 2, 3.0, 4.0, 60_000_000, 70_000_000),
        ],
        problems=["rosey-bot: channel lobby: not connected yet"],
        journal=[Entry(NOW - 60, "rosey-bot", "was ended by SIGKILL", Level.WARNING)],
    )
