"""What happens in a room comes to stand in the database: bot, NATS and database service together."""

import asyncio
import json

from nats.aio.client import Client

from rosey_core import streams
from rosey_database import BotDatabase, DatabaseService
from tests.integration.bot.harness import CHANNEL
from tests.integration.flows.conftest import row_of, rows_of
from tests.support.waiting import until


async def test_user_join_event_processing(
    database_service: DatabaseService, temp_database: BotDatabase, bot, enter
) -> None:
    await enter("Alice")
    alice = await row_of(temp_database, "alice")
    assert alice["username"] == "Alice"
    assert alice["current_session_start"] == alice["first_seen"]
    assert alice["total_chat_lines"] == 0


async def test_users_who_are_there_before_the_bot_are_recorded(
    database_service: DatabaseService, temp_database: BotDatabase, enter, make_bot
) -> None:
    await enter("Alice")
    await enter("Visitor", guest=True)
    await make_bot()
    assert (await row_of(temp_database, "Visitor"))["current_session_start"]
    assert (await row_of(temp_database, "Alice"))["current_session_start"]


async def test_user_leave_event_processing(
    database_service: DatabaseService, temp_database: BotDatabase, bot, enter
) -> None:
    alice = await enter("Alice")
    await row_of(temp_database, "Alice")
    await alice.leave()

    async def gone() -> bool:
        row = await row_of(temp_database, "Alice")
        return row["current_session_start"] is None

    await until(gone)
    row = await row_of(temp_database, "Alice")
    assert row["total_time_connected"] == row["last_seen"] - row["first_seen"]


async def test_chat_event_publishing(
    database_service: DatabaseService, temp_database: BotDatabase, nats_client: Client, bot, enter
) -> None:
    alice = await enter("Alice")
    await alice.say("hi <3 & *bold*")

    async def stored() -> list[dict]:
        return await temp_database.get_recent_chat(channel=CHANNEL)

    [line] = await until(stored)
    assert (line["username"], line["message"]) == ("Alice", "hi <3 & bold")
    assert (await row_of(temp_database, "Alice"))["total_chat_lines"] == 1
    [sent] = [frame for frame in alice.of("chatMsg") if frame["username"] == "Alice"]
    assert line["timestamp"] == sent["time"] // 1000
    message = await nats_client.jsm().get_last_msg(streams.EVENTS, f"rosey.db.message.log.{CHANNEL}")
    assert message.headers is not None
    assert "Nats-Msg-Id" in message.headers


async def test_media_change_event(database_service: DatabaseService, temp_database: BotDatabase, bot, enter) -> None:
    mod = await enter("Mod")
    await mod.send("queue", {"id": "channel-one", "type": "tw", "pos": "end", "duration": 60, "temp": False})
    await mod.send("queue", {"id": "channel-two", "type": "tw", "pos": "end", "duration": 60, "temp": False})
    await until(lambda: len(mod.of("queue")) == 2)
    await mod.send("playNext")

    async def two_plays() -> list[dict] | None:
        plays = await rows_of(temp_database, "SELECT * FROM media_played ORDER BY id")
        return plays if len(plays) == 2 else None

    first, second = await until(two_plays)
    assert (first["media_id"], first["type"], first["queued_by"], first["duration"]) == (
        "channel-one",
        "tw",
        "Mod",
        60,
    )
    assert first["ended"] is not None
    assert first["skipped"] == 1
    assert (second["media_id"], second["ended"]) == ("channel-two", None)


async def test_playlist_event_flow(database_service: DatabaseService, temp_database: BotDatabase, bot, enter) -> None:
    mod = await enter("Mod")
    for name in ("one", "two", "three"):
        await mod.send("queue", {"id": f"channel-{name}", "type": "tw", "pos": "end", "duration": 60, "temp": True})
    await until(lambda: len(mod.of("queue")) == 3)
    uids = [frame["item"]["uid"] for frame in mod.of("queue")]
    await mod.send("moveMedia", {"from": uids[2], "after": uids[0]})
    await mod.send("delete", uids[1])
    await until(lambda: mod.of("delete"))
    await mod.send("clearPlaylist")

    async def actions() -> list[str]:
        rows = await rows_of(temp_database, "SELECT action FROM playlist_changes ORDER BY id")
        return [row["action"] for row in rows]

    async def all_there() -> bool:
        return (await actions())[-1:] == ["cleared"]

    await until(all_there)
    assert await actions() == ["queued", "queued", "queued", "moved", "removed", "cleared"]
    [queued, *_] = await rows_of(temp_database, "SELECT item, changed_by FROM playlist_changes ORDER BY id")
    assert '"channel-one"' in queued["item"]
    assert queued["changed_by"] == "Mod"


async def test_user_counts_and_their_peak_are_stored_with_chat_and_connections_apart(
    database_service: DatabaseService, temp_database: BotDatabase, bot, enter
) -> None:
    await enter("Alice")
    await enter("Mod")

    async def peak() -> bool:
        users, _ = await temp_database.get_high_water_mark(channel=CHANNEL)
        connected, _ = await temp_database.get_high_water_mark_connected(channel=CHANNEL)
        return users == 3 and connected >= 3

    await until(peak, timeout=15)
    history = await rows_of(temp_database, "SELECT chat_users, connected_users FROM user_count_history")
    assert all(row["chat_users"] <= row["connected_users"] for row in history)


async def test_concurrent_event_processing(
    database_service: DatabaseService, temp_database: BotDatabase, nats_client: Client
) -> None:
    async def visitor(number: int) -> None:
        name = b'{"username": "user%d"' % number
        await nats_client.publish("rosey.db.user.joined", name + b"}")
        for _ in range(10):
            await nats_client.publish("rosey.db.message.log", name + b', "message": "hello"}')
        await nats_client.publish("rosey.db.user.left", name + b"}")

    await asyncio.gather(*(visitor(number) for number in range(60)))

    async def complete() -> bool:
        users = await temp_database.get_all_user_stats()
        return len(users) == 60 and all(
            user["total_chat_lines"] == 10 and user["current_session_start"] is None for user in users
        )

    await until(complete)
    [counted] = await rows_of(temp_database, "SELECT count(*) AS lines FROM recent_chat")
    assert counted["lines"] == 600


async def test_event_normalization_consistency(
    database_service: DatabaseService, nats_client: Client, bot, enter
) -> None:
    """Every event has the same envelope, whatever frame it came from."""
    mod = await enter("Mod")
    await mod.say("hello")
    await mod.send("queue", {"id": "channel-one", "type": "tw", "pos": "end", "duration": 60, "temp": True})
    await until(lambda: mod.of("changeMedia"))
    await mod.whisper("Rosey", "help")
    await until(lambda: mod.whispers("Rosey"))
    await mod.send("clearPlaylist")
    await until(lambda: mod.of("playlist")[-1] == [])
    await mod.leave()
    wanted = {
        f"rosey.db.{name}.{CHANNEL}"
        for name in (
            "user.joined",
            "user.left",
            "user.present",
            "message.log",
            "status.update",
            "stats.user_count",
            "stats.high_water",
            "media.played",
            "media.ended",
            "playlist.changed",
            "action.pm_command",
        )
    }

    async def subjects_seen() -> set[str]:
        info = await nats_client.jsm().stream_info(streams.EVENTS, subjects_filter=">")
        return set(info.state.subjects or {})

    async def all_seen() -> bool:
        return wanted <= await subjects_seen()

    await until(all_seen, timeout=15)
    last = (await nats_client.jsm().stream_info(streams.EVENTS)).state.last_seq
    times = []
    for sequence in range(1, last + 1):
        message = await nats_client.jsm().get_msg(streams.EVENTS, sequence)
        event = json.loads(message.data or b"")
        identity = event["event"] if message.subject == f"rosey.db.media.played.{CHANNEL}" else event["id"]
        assert event["channel"] == CHANNEL, message.subject
        assert event["platform"] == "cytube", message.subject
        assert isinstance(event["timestamp"], float), message.subject
        assert message.headers is not None
        assert message.headers["Nats-Msg-Id"].split(":")[0] == identity
        if message.subject != f"rosey.db.message.log.{CHANNEL}":
            times.append(event["timestamp"])
    assert times == sorted(set(times))
