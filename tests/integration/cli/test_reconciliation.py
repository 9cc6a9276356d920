"""The comparison of stream and database finds whatever was lost or doubled, and nothing else.

Each test but the first breaks something on purpose.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from nats.aio.client import Client

from rosey_cli.up import crowd
from rosey_cli.up.baseline import Baseline, open_to_read, read_baseline
from rosey_cli.up.outcome import Reconciliation
from rosey_cli.up.reconciliation import reconcile
from rosey_core import streams
from rosey_core.events import (
    ChatMessage,
    Event,
    PlaylistChanged,
    encode,
)
from rosey_database import BotDatabase, DatabaseService
from rosey_database.ingest.consumer import Consumer, ConsumerLost, StreamMessage
from tests.integration.cli.story import CHANNEL, TIME, Publish, Stored, chat, story

Break = Callable[[str], None]


@pytest.fixture
async def told(database_service: DatabaseService, publish: Publish, stored: Stored) -> None:
    """The story is published and stored."""
    await stored(await publish(*story()))


@pytest.fixture
def spoil(database_file: Path) -> Break:
    """Change the database behind the service's back."""

    def spoil(statement: str) -> None:
        with closing(sqlite3.connect(database_file)) as connection, connection:
            assert connection.execute(statement).rowcount > 0

    return spoil


@pytest.mark.usefixtures("told")
async def test_where_all_is_stored_nothing_is_found(nats_client: Client, database_file: Path) -> None:
    result = await reconcile(nats_client, database_file, Baseline())
    assert result == Reconciliation(published=13, stored=13)


@pytest.mark.usefixtures("told")
async def test_a_consumer_that_is_lost_on_the_way_is_replaced(
    nats_client: Client, database_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, calls = Consumer.take, iter(range(1000))

    async def take_five(consumer: Consumer, limit: int, timeout: float | None = None) -> list[StreamMessage]:
        if next(calls) % 2:
            raise ConsumerLost("heartbeat", "nothing heard for 3 s")
        return await take(consumer, 5, timeout)

    monkeypatch.setattr(Consumer, "take", take_five)
    result = await reconcile(nats_client, database_file, Baseline())
    assert result == Reconciliation(published=13, stored=13)
    assert next(calls) == 5


@pytest.mark.usefixtures("told")
async def test_a_second_run_looks_only_at_its_own_events(
    nats_client: Client, database_file: Path, publish: Publish, stored: Stored
) -> None:
    baseline = read_baseline(database_file)
    # CyTube shows what was said before once more, and the bot publishes it beyond the duplicate window.
    again = encode(chat(4, replayed=True))
    await nats_client.jetstream().publish(f"{ChatMessage.SUBJECT}.{CHANNEL}", again)
    await stored(await publish(chat(20, replayed=True), chat(21)))
    result = await reconcile(nats_client, database_file, baseline)
    assert result == Reconciliation(published=3, stored=3)


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize(
    ("statement", "lost", "doubled", "finding"),
    [
        ("DELETE FROM recent_chat WHERE message = 'line 4'", 1, 0, "lost: 1 rows of recent_chat"),
        ("DELETE FROM playlist_changes", 1, 0, "lost: 1 rows of playlist_changes"),
        ("DELETE FROM user_count_history", 1, 0, "lost: 1 rows of user_count_history"),
        ("DELETE FROM user_actions", 1, 0, "lost: 1 rows of user_actions"),
        ("DELETE FROM media_played", 1, 0, "lost: 1 plays"),
        ("UPDATE user_stats SET total_chat_lines = 0 WHERE username = 'bob'", 1, 0, "lost: 1 chat lines not counted"),
        ("UPDATE user_stats SET total_chat_lines = 3 WHERE username = 'bob'", 0, 2, "doubled: 2 chat lines counted"),
        ("UPDATE user_stats SET current_session_start = NULL WHERE user_key = 'carol'", 1, 0, "have no session"),
        ("UPDATE user_stats SET current_session_start = 1 WHERE user_key = 'alice'", 1, 0, "session is still open"),
        (
            "INSERT INTO recent_chat (timestamp, username, message, channel_id, event_id) "
            "SELECT timestamp, username, message, channel_id, x'00' FROM recent_chat WHERE message = 'line 4'",
            0,
            1,
            "doubled: 1 rows of recent_chat",
        ),
        (
            "INSERT INTO media_played (started, started_at, title, type, media_id, channel_id) "
            "SELECT started, started_at + 1, title, type, media_id, channel_id FROM media_played",
            0,
            1,
            "doubled: 1 plays",
        ),
    ],
)
async def test_what_is_lost_or_doubled_is_found(
    nats_client: Client,
    database_file: Path,
    spoil: Break,
    statement: str,
    lost: int,
    doubled: int,
    finding: str,
) -> None:
    spoil(statement)
    result = await reconcile(nats_client, database_file, Baseline())
    assert (result.lost, result.doubled) == (lost, doubled), result.findings
    assert any(finding in found for found in result.findings), result.findings


@pytest.mark.usefixtures("told")
async def test_events_that_nobody_has_stored_are_lost(
    nats_client: Client, database_file: Path, database_service: DatabaseService, publish: Publish
) -> None:
    await database_service.stop()
    await publish(chat(30), chat(31))
    result = await reconcile(nats_client, database_file, Baseline(), catch_up=0.05)
    assert result.published == 15
    assert "lost: 2 events that the database has not taken from the stream" in result.findings


@pytest.mark.usefixtures("told")
async def test_events_that_are_gone_from_the_stream_are_lost(
    nats_client: Client, database_file: Path, publish: Publish, stored: Stored
) -> None:
    baseline = read_baseline(database_file)
    last = await publish(chat(30), chat(31), chat(32))
    await stored(last)
    await nats_client.jsm().delete_msg(streams.EVENTS, last - 1)
    result = await reconcile(nats_client, database_file, baseline)
    assert result.published == 3
    assert "lost: 1 events that are gone from the stream" in result.findings


@pytest.mark.usefixtures("told")
async def test_what_is_no_event_is_rejected_and_not_lost(
    nats_client: Client, database_file: Path, stored: Stored
) -> None:
    ack = await nats_client.jetstream().publish(chat(1).SUBJECT, b"no event")
    await stored(ack.seq)
    result = await reconcile(nats_client, database_file, Baseline())
    assert result == Reconciliation(published=14, stored=13, rejected=1)


async def test_a_database_that_is_not_there_yet_has_nothing_in_it(tmp_path: Path) -> None:
    assert read_baseline(tmp_path / "absent.db") == Baseline()
    with closing(sqlite3.connect(tmp_path / "old.db")) as connection, connection:
        connection.execute("CREATE TABLE user_stats (username TEXT PRIMARY KEY)")
    assert read_baseline(tmp_path / "old.db") == Baseline()


RECORD = [
    {"event": "began", "items": []},
    {"event": "arrived", "connection": 1, "name": "Alice"},
    {"event": "said", "name": "Alice", "text": "line 1", "time": (TIME + 1) * 1000},
    {"event": "said", "name": "Alice", "text": "line 2", "time": (TIME + 2) * 1000},
    {"event": "arrived", "connection": 2, "name": ""},
    {"event": "named", "connection": 2, "name": "Rosey"},
    {"event": "listed", "connection": 2, "playing": None},
    {"event": "said", "name": "Alice", "text": "line 4", "time": (TIME + 4) * 1000},
    {"event": "left", "connection": 2, "name": "Rosey"},
    {"event": "said", "name": "Alice", "text": "unseen", "time": (TIME + 5) * 1000},
]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """A crowd's record: two lines before the bot came, one while it was there, one after it had left."""
    path = tmp_path / "crowd.jsonl"
    entries = [{"at": int(TIME * 1000), "room": "demo", **entry} for entry in RECORD]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return path


def compared(record: Path, database: Path) -> Reconciliation:
    result = Reconciliation()
    with closing(open_to_read(database)) as connection:
        crowd.compare(record, connection, Baseline(), result, room="demo", bot="rosey")
    return result


async def test_the_crowd_agrees_where_each_line_was_seen_once(
    database_service: DatabaseService,
    temp_database: BotDatabase,
    publish: Publish,
    stored: Stored,
    database_file: Path,
    record: Path,
) -> None:
    lines = [_seen(1, replayed=True), _seen(2, replayed=True), _seen(4)]
    await stored(await publish(*lines))
    assert compared(record, database_file) == Reconciliation()
    # The same line under another id: stream and database agree, the crowd does not.
    await stored(await publish(_seen(4, salt=1)))
    result = compared(record, database_file)
    assert (result.lost, result.doubled, result.findings) == (0, 1, ["doubled: 1 chat lines of the crowd"])


async def test_what_others_publish_is_not_taken_for_the_crowds(
    database_service: DatabaseService, publish: Publish, stored: Stored, database_file: Path, record: Path
) -> None:
    line = ChatMessage(username="Stranger", message="hello", timestamp=TIME + 3)
    change = PlaylistChanged(action="queued", item={"title": "A film"}, by="Stranger", timestamp=TIME + 3)
    await stored(await publish(_seen(1), _seen(2), _seen(4), line, change))
    assert compared(record, database_file) == Reconciliation()


async def test_the_crowd_tells_what_the_bot_never_published(
    database_service: DatabaseService, publish: Publish, stored: Stored, database_file: Path, record: Path
) -> None:
    await stored(await publish(_seen(1, replayed=True), _seen(4)))
    result = compared(record, database_file)
    assert (result.lost, result.doubled) == (1, 0)


async def test_what_an_earlier_run_kept_back_is_not_of_this_crowd(
    database_service: DatabaseService, publish: Publish, stored: Stored, database_file: Path, record: Path
) -> None:
    late = PlaylistChanged(action="queued", item={"uid": 1}, by="Bob", id="q", channel=CHANNEL, timestamp=TIME - 2)
    await stored(await publish(_seen(-2), late, _seen(1), _seen(2), _seen(4)))
    assert compared(record, database_file) == Reconciliation()


def _seen(number: int, *, replayed: bool = False, salt: int = 0) -> Event:
    milliseconds = int((TIME + number) * 1000)
    return chat(number, id=milliseconds.to_bytes(6, "big").hex() + f"{salt:020x}", replayed=replayed)
