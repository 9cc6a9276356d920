"""Messages to be posted: queued for good, given once for each try, settled once."""

from __future__ import annotations

import asyncio
import sqlite3

import pytest

from rosey_database import BotDatabase
from rosey_database.sqlite import BUSY_TIMEOUT_S
from tests.support.clock import MovableClock


async def _row(database: BotDatabase, message_id: int) -> dict[str, object]:
    assert database.conn is not None
    async with database.conn.execute("SELECT * FROM outbound_messages WHERE id = ?", (message_id,)) as cursor:
        row = await cursor.fetchone()
    assert row is not None
    return dict(row)


async def _ids(database: BotDatabase, **options: object) -> list[int]:
    return [message["id"] for message in await database.get_unsent_outbound_messages(**options)]  # type: ignore[arg-type]


async def test_messages_are_told_oldest_first(temp_database: BotDatabase, clock: MovableClock) -> None:
    ids = []
    for text in ("one", "two", "three"):
        ids.append(await temp_database.enqueue_outbound_message(text))
        clock.move(1)
    assert await temp_database.get_unsent_outbound_messages(limit=1) == [
        {"id": ids[0], "timestamp": int(clock.now) - 3, "message": "one", "retry_count": 0, "last_error": None}
    ]
    assert await _ids(temp_database) == ids
    assert await _ids(temp_database, limit=-1) == []


async def test_a_sent_message_is_gone_and_dated(temp_database: BotDatabase, clock: MovableClock) -> None:
    message_id = await temp_database.enqueue_outbound_message("hi")
    sent = clock.move(10)
    await temp_database.mark_outbound_sent(message_id)
    assert await _ids(temp_database) == []
    row = await _row(temp_database, message_id)
    assert (row["sent"], row["sent_timestamp"]) == (1, sent)


@pytest.mark.parametrize("failures", [1, 2])
async def test_a_failed_message_is_due_again_after_twice_the_time_each(
    temp_database: BotDatabase, clock: MovableClock, failures: int
) -> None:
    message_id = await temp_database.enqueue_outbound_message("hi")
    for _ in range(failures):
        await temp_database.mark_outbound_failed(message_id, "muted")
    clock.move(60 * 2**failures - 1)
    assert await _ids(temp_database) == []
    assert await _ids(temp_database, bypass_backoff=True) == [message_id]
    clock.move(1)
    (message,) = await temp_database.get_unsent_outbound_messages()
    assert (message["retry_count"], message["last_error"]) == (failures, "muted")


async def test_after_so_many_failures_it_is_not_tried_again(temp_database: BotDatabase, clock: MovableClock) -> None:
    message_id = await temp_database.enqueue_outbound_message("hi")
    for _ in range(3):
        await temp_database.mark_outbound_failed(message_id, "muted")
    clock.move(10**9)
    assert await _ids(temp_database) == []
    assert await _ids(temp_database, max_retries=4) == [message_id]


async def test_a_permanent_failure_is_the_end(temp_database: BotDatabase, clock: MovableClock) -> None:
    message_id = await temp_database.enqueue_outbound_message("hi")
    await temp_database.mark_outbound_failed(message_id, "too long", is_permanent=True)
    clock.move(10**9)
    assert await _ids(temp_database, max_retries=30, bypass_backoff=True) == []
    row = await _row(temp_database, message_id)
    assert (row["sent"], row["last_error"]) == (1, "too long")
    await temp_database.mark_outbound_sent(message_id)
    assert (await _row(temp_database, message_id))["sent_timestamp"] is None


async def test_what_is_claimed_is_given_to_nobody_else(temp_database: BotDatabase, clock: MovableClock) -> None:
    message_id = await temp_database.enqueue_outbound_message("hi")
    (claimed,) = await temp_database.claim_outbound_messages(claimed_by="rosey", seconds=30)
    assert claimed["id"] == message_id
    assert claimed["claimed_until"] == pytest.approx(clock.now + 30)
    assert await temp_database.claim_outbound_messages() == []
    assert await _ids(temp_database, bypass_backoff=True) == []


async def test_channels_are_named_while_messages_in_them_are_due(
    temp_database: BotDatabase, clock: MovableClock
) -> None:
    message_id = await temp_database.enqueue_outbound_message("hi", channel="lobby")
    await temp_database.enqueue_outbound_message("ho", channel="lounge")
    assert sorted(await temp_database.get_channels_to_post_in()) == ["lobby", "lounge"]
    await temp_database.claim_outbound_messages(channel="lobby")
    assert await temp_database.get_channels_to_post_in() == ["lounge"]
    await temp_database.mark_outbound_failed(message_id, "not echoed", channel="lobby")
    assert await temp_database.get_channels_to_post_in() == ["lounge"]
    clock.move(120)
    assert sorted(await temp_database.get_channels_to_post_in()) == ["lobby", "lounge"]
    assert await temp_database.get_channels_to_post_in(max_retries=1) == ["lounge"]


async def test_to_find_that_nothing_waits_takes_no_transaction(temp_database: BotDatabase) -> None:
    await temp_database.enqueue_outbound_message("hi")
    await temp_database.claim_outbound_messages()
    other = sqlite3.connect(temp_database.db_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        async with asyncio.timeout(BUSY_TIMEOUT_S / 2):
            assert await temp_database.claim_outbound_messages() == []
    finally:
        other.close()


async def test_a_claim_that_is_repeated_gets_what_it_got(temp_database: BotDatabase, clock: MovableClock) -> None:
    ids = [await temp_database.enqueue_outbound_message(text) for text in ("one", "two", "three")]

    async def claim(name: str, by: str = "rosey") -> list[int]:
        messages = await temp_database.claim_outbound_messages(2, claimed_by=by, claim_id=name, seconds=30)
        return [message["id"] for message in messages]

    assert await claim("a") == ids[:2]
    first = await temp_database.claim_outbound_messages(2, claimed_by="rosey", claim_id="a", seconds=30)
    assert [message["claimed_until"] for message in first] == [pytest.approx(clock.now + 30)] * 2
    assert await claim("b") == ids[2:]
    assert await claim("a", by="another") == []
    # What became of one is known, and must not be posted again.
    await temp_database.mark_outbound_sent(ids[0])
    assert await claim("a") == ids[1:2]
    clock.move(31)
    assert await claim("a") == []


async def test_a_claim_that_ran_out_is_of_unknown_outcome_and_never_given_again(
    temp_database: BotDatabase, clock: MovableClock
) -> None:
    message_id = await temp_database.enqueue_outbound_message("hi")
    await temp_database.claim_outbound_messages(claimed_by="rosey", seconds=30)
    clock.move(29)
    assert await temp_database.get_outbound_outcome_unknown() == []
    clock.move(10**6)
    assert await temp_database.claim_outbound_messages() == []
    (unknown,) = await temp_database.get_outbound_outcome_unknown()
    assert (unknown["id"], unknown["claimed_by"]) == (message_id, "rosey")
    await temp_database.mark_outbound_sent(message_id)
    assert await temp_database.get_outbound_outcome_unknown() == []


async def test_a_claim_that_failed_is_given_again_when_it_is_due(
    temp_database: BotDatabase, clock: MovableClock
) -> None:
    message_id = await temp_database.enqueue_outbound_message("hi")
    await temp_database.claim_outbound_messages()
    await temp_database.mark_outbound_failed(message_id, "not echoed")
    assert await temp_database.claim_outbound_messages() == []
    clock.move(120)
    assert [message["id"] for message in await temp_database.claim_outbound_messages()] == [message_id]


async def test_messages_of_two_channels_are_apart(temp_database: BotDatabase) -> None:
    here = await temp_database.enqueue_outbound_message("here")
    there = await temp_database.enqueue_outbound_message("there", channel="lobby")
    assert await _ids(temp_database) == [here]
    assert await _ids(temp_database, channel="lobby") == [there]
    assert await _ids(temp_database, channel="elsewhere") == []
    await temp_database.mark_outbound_sent(there)
    assert await _ids(temp_database, channel="lobby") == [there]
    await temp_database.mark_outbound_sent(there, channel="lobby")
    assert await _ids(temp_database, channel="lobby") == []


async def test_a_message_number_that_is_none_is_refused(temp_database: BotDatabase) -> None:
    with pytest.raises(ValueError, match="message_id"):
        await temp_database.mark_outbound_sent(0)
