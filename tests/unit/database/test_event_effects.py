"""What single events do to the tables, and what becomes of news that is late or comes again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rosey_core import events
from rosey_database import BotDatabase, effects
from rosey_database.effects import Received
from rosey_database.tables import chat, outbound
from rosey_database.writer import Transaction
from tests.support.clock import MovableClock

Tell = Callable[..., Awaitable[int]]
Rows = Callable[[str], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def tell(temp_database: BotDatabase) -> Tell:
    """Apply one event: ``await tell(event, time, channel=..., id=...)``; returns how many were there already."""
    made = 0

    async def tell(
        event: events.Event, time: float, *, channel: str | None = None, id: int | None = None, stored: float = 0
    ) -> int:
        nonlocal made
        made += 1
        event_id = (1000 + made if id is None else id).to_bytes(16, "big")
        received = Received(event, channel, event_id, time, stored or time)

        def apply(work: Transaction) -> int:
            return effects.apply(work.connection, work.channel_ids, [received])

        return await temp_database.writer.run(apply)

    return tell


@pytest.fixture
def rows(temp_database: BotDatabase) -> Rows:
    """The rows that a statement gives."""

    async def rows(statement: str) -> list[dict[str, Any]]:
        assert temp_database.conn is not None
        async with temp_database.conn.execute(statement) as cursor:
            return [dict(row) for row in await cursor.fetchall()]

    return rows


def line(text: str = "hi", *, user: str = "Ann", replayed: bool = False) -> events.ChatMessage:
    return events.ChatMessage(username=user, message=text, replayed=replayed)


def present(*names: str, unseen_since: float | None = None) -> events.UsersPresent:
    users = [events.PresentUser(username=name) for name in names]
    return events.UsersPresent(users=users, unseen_since=unseen_since)


def play(item: str, *, started: float | None = None, duration: float = 60) -> events.MediaPlayed:
    return events.MediaPlayed(title=item.upper(), type="yt", id=item, duration=duration, started=started)


async def _lines(database: BotDatabase, user: str = "Ann", channel: str | None = None) -> int:
    stats = await database.get_user_stats(user, channel=channel)
    return 0 if stats is None else int(stats["total_chat_lines"])


# Replayed chat


async def test_a_line_is_counted_once_however_often_it_comes(temp_database: BotDatabase, tell: Tell) -> None:
    assert await tell(line(), 100, id=1) == 0
    assert await tell(line(replayed=True), 100, id=1) == 1
    assert await tell(line(), 100, id=1) == 1
    assert await _lines(temp_database) == 1
    assert len(await temp_database.get_recent_chat()) == 1


async def test_in_a_channel_never_seen_before_replayed_lines_are_stored_and_not_counted(
    temp_database: BotDatabase, tell: Tell
) -> None:
    await tell(line("old", replayed=True), 100, channel="lobby")
    await tell(line("older", replayed=True), 90, channel="lobby")
    assert await _lines(temp_database, channel="lobby") == 0
    assert len(await temp_database.get_recent_chat(channel="lobby")) == 2
    await tell(present("Ann"), 200, channel="lobby")
    await tell(line("said while away", replayed=True), 150, channel="lobby")
    assert await _lines(temp_database, channel="lobby") == 1


async def test_a_status_does_not_make_a_channel_seen(temp_database: BotDatabase, tell: Tell) -> None:
    await tell(events.StatusUpdate(status_data=events.StatusData(bot_connected=True)), 50)
    await tell(line("old", replayed=True), 40)
    assert await _lines(temp_database) == 0


async def test_a_line_said_while_the_bot_was_away_is_counted_once(temp_database: BotDatabase, tell: Tell) -> None:
    await tell(line("live"), 100, id=1)
    for _ in range(3):
        await tell(line("away", replayed=True), 150, id=2)
    assert await _lines(temp_database) == 2


async def _sweep(database: BotDatabase, before: float) -> None:
    await database.writer.run(lambda work: chat.sweep(work.connection, before=before, limit=100))


async def test_a_replayed_line_older_than_retention_is_not_counted_again(
    temp_database: BotDatabase, tell: Tell
) -> None:
    await tell(line("one"), 100, id=1)
    await tell(line("two"), 200, id=2)
    await _sweep(temp_database, before=300)
    assert await temp_database.get_recent_chat() == []
    await tell(line("one", replayed=True), 100, id=1)
    await tell(line("two", replayed=True), 200, id=2)
    assert await _lines(temp_database) == 2
    await tell(line("never seen, newer than all", replayed=True), 250, id=3)
    await tell(line("never seen, newer than all", replayed=True), 250, id=3)
    assert await _lines(temp_database) == 3


async def test_a_late_line_from_a_spool_is_no_replay(temp_database: BotDatabase, tell: Tell) -> None:
    await tell(line("newest"), 1000, id=1)
    await _sweep(temp_database, before=900)
    await tell(line("spooled"), 500, id=2, stored=1100)
    assert await _lines(temp_database) == 2
    await _sweep(temp_database, before=901)
    await tell(line("spooled"), 500, id=2, stored=1100)
    assert await _lines(temp_database) == 2


@pytest.mark.parametrize("voice", ["[server]", "[voteskip]", "server", "SERVER"])
async def test_cytube_s_own_lines_are_nobody_s(temp_database: BotDatabase, tell: Tell, voice: str) -> None:
    await tell(line("Ann was kicked", user=voice), 100)
    assert await temp_database.get_total_users_seen() == 0
    assert await temp_database.get_recent_chat() == []


# Presence


async def test_who_is_in_the_first_list_is_in_the_room_once(temp_database: BotDatabase, tell: Tell) -> None:
    await tell(present("Ann", "bob", "Bob"), 100)
    await tell(present("Ann", "Bob"), 160)
    await tell(events.UserLeft(username="Ann"), 200)
    ann = await temp_database.get_user_stats("Ann")
    bob = await temp_database.get_user_stats("Bob")
    assert ann is not None
    assert ann["total_time_connected"] == 100
    assert bob is not None
    assert bob["current_session_start"] == 100
    assert await temp_database.get_total_users_seen() == 2


async def test_who_is_absent_from_a_list_left_when_the_room_was_last_seen(
    temp_database: BotDatabase, tell: Tell
) -> None:
    await tell(present("Ann", "Bob"), 100)
    await tell(line(user="Bob"), 130)
    await tell(present("Bob"), 500)
    ann = await temp_database.get_user_stats("Ann")
    assert ann is not None
    assert (ann["total_time_connected"], ann["current_session_start"], ann["last_seen"]) == (30, None, 130)


async def test_a_list_may_say_since_when_the_room_was_not_seen(temp_database: BotDatabase, tell: Tell) -> None:
    await tell(present("Ann"), 100)
    await tell(present(unseen_since=250), 500)
    ann = await temp_database.get_user_stats("Ann")
    assert ann is not None
    assert ann["total_time_connected"] == 150


async def test_an_old_list_says_of_nobody_that_he_is_gone(temp_database: BotDatabase, tell: Tell) -> None:
    await tell(present("Ann"), 100)
    await tell(events.UserJoined(username="Bob"), 90)
    await tell(present(), 95)
    for name in ("Ann", "Bob"):
        stats = await temp_database.get_user_stats(name)
        assert stats is not None
        assert stats["current_session_start"] is not None


async def test_stale_news_of_coming_and_going_is_ignored(temp_database: BotDatabase, tell: Tell) -> None:
    await tell(events.UserJoined(username="Ann"), 100)
    await tell(events.UserLeft(username="Ann"), 200)
    await tell(events.UserJoined(username="Ann"), 100)
    await tell(events.UserJoined(username="Ann"), 150)
    ann = await temp_database.get_user_stats("Ann")
    assert ann is not None
    assert (ann["current_session_start"], ann["total_time_connected"]) == (None, 100)
    await tell(events.UserJoined(username="Ann"), 300)
    await tell(events.UserLeft(username="Ann"), 250)
    ann = await temp_database.get_user_stats("Ann")
    assert ann is not None
    assert ann["current_session_start"] == 300


async def test_at_one_moment_coming_wins(temp_database: BotDatabase, tell: Tell) -> None:
    await tell(events.UserJoined(username="Ann"), 100)
    for _ in range(2):
        await tell(events.UserLeft(username="Ann"), 200)
        await tell(events.UserJoined(username="Ann"), 200)
    ann = await temp_database.get_user_stats("Ann")
    assert ann is not None
    assert (ann["current_session_start"], ann["total_time_connected"]) == (200, 100)


# Counts


async def test_the_connected_count_is_not_the_chat_count(temp_database: BotDatabase, tell: Tell) -> None:
    await tell(events.UserCount(chat_count=3, connected_count=8), 100)
    await tell(events.HighWater(chat_count=3, connected_count=8), 100)
    history = await temp_database.get_user_count_history(hours=10**6)
    assert history == [{"timestamp": 100, "chat_users": 3, "connected_users": 8}]
    assert await temp_database.get_high_water_mark() == (3, 100)
    assert await temp_database.get_high_water_mark_connected() == (8, 100)


# Media


async def test_a_play_told_by_two_bots_is_one_row(rows: Rows, tell: Tell) -> None:
    assert await tell(play("a"), 100) == 0
    assert await tell(play("a", started=101.5), 130) == 1
    assert await tell(play("a", started=98), 130) == 1
    assert await tell(play("a"), 160) == 0
    assert [(row["started"], row["ended"]) for row in await rows("SELECT * FROM media_played ORDER BY id")] == [
        (100, 160),
        (160, None),
    ]


@pytest.mark.parametrize(("end", "skipped"), [(130, 1), (158.5, 1), (159.5, 0), (170, 0)])
async def test_a_play_cut_short_was_skipped(rows: Rows, tell: Tell, end: float, skipped: int) -> None:
    await tell(play("a"), 100)
    await tell(play("b"), end)
    (first, _) = await rows("SELECT ended, skipped FROM media_played ORDER BY id")
    assert first == {"ended": int(end), "skipped": skipped}


async def test_the_bot_may_know_better_whether_a_play_was_skipped(rows: Rows, tell: Tell) -> None:
    await tell(play("a"), 100)
    await tell(events.MediaEnded(skipped=False), 120)
    assert await rows("SELECT ended, skipped FROM media_played") == [{"ended": 120, "skipped": 0}]


async def test_live_media_have_no_end_to_be_cut_short_of(rows: Rows, tell: Tell) -> None:
    await tell(play("a", duration=0), 100)
    await tell(events.MediaEnded(), 120)
    assert await rows("SELECT ended, skipped FROM media_played") == [{"ended": 120, "skipped": 0}]


async def test_a_play_announced_before_it_starts_ends_with_the_room_falling_silent(rows: Rows, tell: Tell) -> None:
    await tell(play("a", started=103), 100)
    await tell(events.MediaEnded(), 101)
    assert await rows("SELECT started, ended FROM media_played") == [{"started": 103, "ended": 103}]


async def test_the_end_of_an_earlier_play_told_again_does_not_end_the_present_one(rows: Rows, tell: Tell) -> None:
    await tell(play("a"), 100)
    await tell(events.MediaEnded(), 120)
    await tell(play("b", started=121), 120.5)
    await tell(events.MediaEnded(), 120)
    assert (await rows("SELECT ended FROM media_played ORDER BY id"))[1] == {"ended": None}


async def test_a_play_told_late_is_over(rows: Rows, tell: Tell) -> None:
    await tell(play("b"), 200)
    await tell(play("a"), 150)
    await tell(events.MediaEnded(), 300)
    await tell(play("c"), 270)
    assert await rows("SELECT media_id, ended FROM media_played ORDER BY started") == [
        {"media_id": "a", "ended": 200},
        {"media_id": "b", "ended": 300},
        {"media_id": "c", "ended": 300},
    ]


# Playlist, outbound, commands


async def test_a_playlist_change_is_a_row_with_its_item_as_json(rows: Rows, tell: Tell) -> None:
    change = events.PlaylistChanged(action="queued", item={"uid": 7, "title": "A <b>"}, by="Ann")
    assert await tell(change, 100, id=1) == 0
    assert await tell(change, 100, id=1) == 1
    await tell(events.PlaylistChanged(action="cleared"), 110)
    assert await rows("SELECT timestamp, action, item, changed_by FROM playlist_changes") == [
        {"timestamp": 100, "action": "queued", "item": '{"uid":7,"title":"A <b>"}', "changed_by": "Ann"},
        {"timestamp": 110, "action": "cleared", "item": None, "changed_by": None},
    ]


async def test_a_failure_told_twice_counts_once(
    rows: Rows, tell: Tell, temp_database: BotDatabase, clock: MovableClock
) -> None:
    await temp_database.enqueue_outbound_message("hi")
    failure = events.OutboundFailed(message_id=1, error="muted")
    first, second = clock.now + 100, clock.now + 200
    assert await tell(failure, first) == 0
    assert await tell(failure, second) == 0
    assert await tell(failure, first) == 1
    assert await tell(failure, second) == 1
    assert await rows("SELECT retry_count FROM outbound_messages") == [{"retry_count": 2}]


async def test_what_was_not_attempted_is_due_at_once_and_was_no_try(
    tell: Tell, temp_database: BotDatabase, clock: MovableClock
) -> None:
    message_id = await temp_database.enqueue_outbound_message("hi")
    for seconds in range(1, 5):
        (claimed,) = await temp_database.claim_outbound_messages(claimed_by="one")
        assert (claimed["id"], claimed["retry_count"]) == (message_id, 0)
        back = events.OutboundFailed(message_id=message_id, error="not connected", attempted=False)
        assert await tell(back, clock.now + seconds) == 0


async def test_what_is_given_back_twice_is_not_taken_from_who_has_claimed_it_since(
    rows: Rows, tell: Tell, temp_database: BotDatabase, clock: MovableClock
) -> None:
    assert await _given_again(rows, tell, temp_database, clock) == []


async def test_broken_variant_what_is_told_again_gives_a_message_away_twice(
    rows: Rows, tell: Tell, temp_database: BotDatabase, clock: MovableClock
) -> None:
    unfenced = "UPDATE outbound_messages SET failed_at = 0"
    assert len(await _given_again(rows, tell, temp_database, clock, before_the_second=unfenced)) == 1


async def test_a_claim_is_given_back_by_a_bot_whose_clock_is_behind(
    tell: Tell, temp_database: BotDatabase, clock: MovableClock
) -> None:
    message_id = await temp_database.enqueue_outbound_message("hi")
    for ahead in (50, -50, 0):
        (claimed,) = await temp_database.claim_outbound_messages()
        back = events.OutboundFailed(message_id=message_id, attempted=False, claimed_until=claimed["claimed_until"])
        told = clock.now + ahead
        assert await tell(back, told) == 0
        clock.move(1)
        assert await tell(back, told) == 1
    assert await temp_database.claim_outbound_messages()
    # Another claim than that of which this is told.
    assert await tell(back, clock.now + 1000) == 1


async def test_an_outcome_counts_in_a_database_that_was_restored_from_before_the_claim(
    tell: Tell, temp_database: BotDatabase, clock: MovableClock
) -> None:
    message_id = await temp_database.enqueue_outbound_message("hi")
    failed = events.OutboundFailed(message_id=message_id, error="not echoed", permanent=True, claimed_until=1e10)
    assert await tell(failed, clock.now + 1) == 0
    assert await temp_database.claim_outbound_messages() == []


async def _given_again(
    rows: Rows, tell: Tell, database: BotDatabase, clock: MovableClock, before_the_second: str = ""
) -> list[dict[str, Any]]:
    """What a third bot gets while the second has it, and the first one's word comes once more."""
    message_id = await database.enqueue_outbound_message("hi")
    await database.claim_outbound_messages(claimed_by="one")
    back, moment = events.OutboundFailed(message_id=message_id, error="not connected", attempted=False), clock.now + 1
    await tell(back, moment)
    assert await database.claim_outbound_messages(claimed_by="two")
    if before_the_second:
        await rows(before_the_second)
    await tell(back, moment)
    return await database.claim_outbound_messages(claimed_by="three")


@pytest.mark.parametrize(
    "outcome", [events.OutboundSent(message_id=1), events.OutboundFailed(message_id=1, error="muted", permanent=True)]
)
async def test_an_outcome_from_before_a_message_was_queued_is_another_s(
    rows: Rows, tell: Tell, temp_database: BotDatabase, clock: MovableClock, outcome: events.Event
) -> None:
    # A database that was restored gives numbers a second time.
    await temp_database.enqueue_outbound_message("hi")
    before = clock.now - outbound.CLOCKS_DIFFER_S - 2
    assert await tell(outcome, clock.now, stored=before) == 1
    assert await rows("SELECT sent FROM outbound_messages") == [{"sent": 0}]
    # A clock that is behind by a little is no restored database.
    assert await tell(outcome, clock.now - 30) == 0
    assert await rows("SELECT sent FROM outbound_messages") == [{"sent": 1}]


@pytest.mark.parametrize("order", [("pending", "success"), ("success", "pending")])
async def test_an_attempt_and_its_outcome_are_one_row(rows: Rows, tell: Tell, order: tuple[str, str]) -> None:
    for time, result in zip((100, 101), order, strict=True):
        command = events.PmCommand(username="Mod", command="kick", args="Bob rude", result=result)  # type: ignore[arg-type]
        await tell(command, time, id=1)
    assert await rows("SELECT timestamp, username, action_type, details, result FROM user_actions") == [
        {
            "timestamp": 100,
            "username": "Mod",
            "action_type": "pm_command",
            "details": "cmd=kick, args: Bob rude, result: success",
            "result": "success",
        }
    ]


async def test_a_crash_between_leaves_the_attempt(rows: Rows, tell: Tell) -> None:
    await tell(events.PmCommand(username="Mod", command="next", result="pending"), 100, id=1)
    await tell(events.PmCommand(username="Mod", command="next", result="error", error="no rank"), 100, id=2)
    assert [row["details"] for row in await rows("SELECT details FROM user_actions ORDER BY id")] == [
        "cmd=next, args: , result: pending",
        "cmd=next, args: , result: error, error: no rank",
    ]


async def test_an_unknown_type_of_event_is_an_error(tell: Tell) -> None:
    class Strange(events.IdentifiedEvent, frozen=True, kw_only=True):
        SUBJECT = "strange"

    with pytest.raises(TypeError, match="Strange"):
        await tell(Strange(), 100)


async def test_a_batch_of_many_equal_lines_keeps_each_id_once(temp_database: BotDatabase) -> None:
    batch = [Received(line(), None, (n % 300).to_bytes(16, "big"), 100 + n % 300, 100) for n in range(900)]

    def apply(work: Transaction) -> int:
        return effects.apply(work.connection, work.channel_ids, batch)

    assert await temp_database.writer.run(apply) == 600
    assert await temp_database.writer.run(apply) == 900
    assert await _lines(temp_database) == 300


async def test_channels_made_in_a_transaction_that_failed_are_made_again(temp_database: BotDatabase) -> None:
    def fail(work: Transaction) -> None:
        work.channel_ids.resolve(work.connection, "lobby")
        raise RuntimeError("after making a channel")

    with pytest.raises(RuntimeError):
        await temp_database.writer.run(fail)
    await asyncio.gather(*(temp_database.user_joined("Ann", channel="lobby") for _ in range(2)))
    assert await temp_database.get_total_users_seen(channel="lobby") == 1


async def test_a_clock_that_is_put_right_makes_nobodys_coming_and_going_stale(tell: Tell, rows: Rows) -> None:
    ahead = 1800.0
    await tell(present("Ann", "Bob"), 10_000 + ahead, stored=10_000)
    await tell(events.UserJoined(username="Cid"), 10_010 + ahead, stored=10_010)
    await tell(events.StatusUpdate(status_data=events.StatusData(bot_name="Old")), 10_010 + ahead, stored=10_010)
    # Another bot, with the right time.
    await tell(events.UserLeft(username="Ann"), 10_100, stored=10_100)
    await tell(present("Bob"), 10_200, stored=10_200)
    await tell(events.StatusUpdate(status_data=events.StatusData(bot_name="New")), 10_210, stored=10_210)
    found = await rows("SELECT username, total_time_connected, current_session_start FROM user_stats ORDER BY username")
    assert [(row["username"], row["total_time_connected"], row["current_session_start"]) for row in found] == [
        ("Ann", 100, None),
        ("Bob", 0, 10_000),
        ("Cid", 90, None),
    ]
    assert await rows("SELECT bot_name FROM current_status WHERE id = 1") == [{"bot_name": "New"}]


async def test_an_event_whose_clock_is_a_little_ahead_keeps_its_time_when_it_comes_again(
    tell: Tell, rows: Rows
) -> None:
    join = events.UserJoined(username="Ann")
    await tell(join, 10_030, stored=10_000)
    await tell(events.UserLeft(username="Ann"), 10_040, stored=10_010)
    await tell(join, 10_030, stored=10_500)
    assert await rows("SELECT current_session_start FROM user_stats") == [{"current_session_start": None}]
