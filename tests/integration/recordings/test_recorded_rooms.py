"""Recordings of a real CyTube server, played to a bot: what is stored is what they show."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from nats.aio.client import Client

from rosey_bot import normalise
from rosey_bot.commands import router
from rosey_bot.room.media import NowPlaying
from rosey_core import identity
from rosey_core.events import ChatMessage, Event, HighWater, MediaPlayed, PlaylistChanged, UserLeft, UsersPresent
from tests.integration.recordings.comparison import differences
from tests.integration.recordings.harness import CHANNEL, Mistake, play
from tests.integration.recordings.reading import read
from tests.integration.recordings.recording import Recording
from tests.support.nats_server import NatsServer

RECORDINGS = Path(__file__).parents[2] / "fixtures" / "recordings"
# Counted by hand: users, lines of chat, those that count, plays, changes of the playlist, commands.
CONTENTS = {
    "users": (4, 3, 3, 0, 0, 0),
    "chat_and_html": (3, 57, 57, 0, 0, 0),
    "chat_buffer_replay": (3, 18, 3, 0, 0, 0),
    "playlist": (2, 3, 0, 8, 28, 0),
    "leader_sync": (3, 3, 0, 2, 2, 0),
    "pm": (4, 15, 5, 0, 0, 1),
    "server_restart": (3, 16, 1, 1, 5, 0),
}

Differing = Callable[..., Awaitable[list[str]]]


@pytest.fixture
def differing(database_file: Path, tmp_path: Path, nats_server: NatsServer, nats_client: Client) -> Differing:
    """Play a recording and compare: ``await differing("users", mistake=...)``."""

    async def differing(name: str, *, mistake: Mistake | None = None) -> list[str]:
        recording = Recording(RECORDINGS / f"{name}.jsonl")
        await play(
            recording,
            database_file=database_file,
            spool=tmp_path / "spool",
            nats_url=nats_server.url,
            nats=nats_client,
            mistake=mistake,
        )
        return differences(database_file, CHANNEL, read(recording))

    return differing


@pytest.mark.parametrize("name", CONTENTS)
async def test_what_is_stored_is_what_the_recording_shows(differing: Differing, name: str) -> None:
    assert await differing(name) == []


@pytest.mark.parametrize(("name", "contents"), CONTENTS.items(), ids=list(CONTENTS))
def test_the_reader_finds_what_a_person_finds(name: str, contents: tuple[int, ...]) -> None:
    tables = read(Recording(RECORDINGS / f"{name}.jsonl"))
    found = [len(tables[table]) for table in ("media_played", "playlist_changes", "user_actions")]
    counted = sum(user["total_chat_lines"] for user in tables["user_stats"])
    assert (len(tables["user_stats"]), len(tables["recent_chat"]), counted, *found) == contents


def test_every_recording_is_played() -> None:
    assert {path.stem for path in RECORDINGS.glob("*.jsonl")} == set(CONTENTS)


def count_replays(event: Event) -> Event:
    """The original's mistake: what CyTube replays at a join is taken for said just now."""
    if isinstance(event, ChatMessage) and event.replayed:
        return replace(event, replayed=False, id=identity.uuid7())
    return event


def lose_departures(event: Event) -> Event | None:
    return None if isinstance(event, UserLeft) else event


def count_the_absence(event: Event) -> Event:
    if isinstance(event, UsersPresent) and event.unseen_since is not None:
        return replace(event, unseen_since=event.timestamp)
    return event


def count_the_lead_in(event: Event) -> Event:
    return replace(event, started=event.timestamp) if isinstance(event, MediaPlayed) else event


def lose_moves(event: Event) -> Event | None:
    return None if isinstance(event, PlaylistChanged) and event.action == "moved" else event


def count_connections_as_users(event: Event) -> Event:
    """The original's mistake, the other way round."""
    if isinstance(event, HighWater) and event.connected_count is not None:
        return replace(event, chat_count=event.connected_count)
    return event


@pytest.mark.parametrize(
    ("name", "mistake", "tables"),
    [
        ("chat_buffer_replay", count_replays, {"user_stats", "recent_chat"}),
        ("users", lose_departures, {"user_stats"}),
        ("server_restart", count_the_absence, {"user_stats"}),
        ("playlist", count_the_lead_in, {"media_played"}),
        ("playlist", lose_moves, {"playlist_changes"}),
        ("users", count_connections_as_users, {"channel_stats"}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
async def test_what_is_published_wrongly_is_found_out(
    differing: Differing, name: str, mistake: Mistake, tables: set[str]
) -> None:
    assert differing_tables(await differing(name, mistake=mistake)) == tables


@pytest.mark.parametrize(
    ("name", "owner", "attribute", "wrong", "table"),
    [
        ("chat_and_html", normalise, "plain_text", lambda markup: markup, "recent_chat"),
        ("pm", router, "MODERATOR", 0, "user_actions"),
        ("server_restart", NowPlaying, "resumed_as", lambda *_, **__: False, "media_played"),
    ],
    ids=["HTML is stored", "everybody is obeyed", "a gap begins a play anew"],
)
async def test_what_is_understood_wrongly_is_found_out(
    differing: Differing, monkeypatch: pytest.MonkeyPatch, name: str, owner: Any, attribute: str, wrong: Any, table: str
) -> None:
    monkeypatch.setattr(owner, attribute, wrong)
    assert differing_tables(await differing(name)) == {table}


def differing_tables(found: list[str]) -> set[str]:
    """The tables that differ."""
    return {sentence.partition("[")[0] for sentence in found}
