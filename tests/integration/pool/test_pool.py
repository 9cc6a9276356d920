"""Real workers that are killed, stopped, cut off from NATS and asked to go."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing

from nats.aio.client import Client

from rosey_cli.channels import bucket
from tests.chaos.processes import database_process
from tests.integration.pool.harness import BOT, GUEST, Pool
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

FAIL_OVER = 5.0
"""Seconds that are promised where a bot is killed; ``python -m tests.chaos.pool`` measures how many it takes."""
HANDED_OVER = 1.0
"""Seconds that are promised where a bot goes."""
ROOMS = ("room0", "room1", "room2", "room3", "room4", "room5")


async def test_workers_share_and_take_over_and_hand_over_and_nothing_is_lost_or_doubled(
    pool: Pool, nats_client: Client
) -> None:
    await pool.open(ROOMS)
    path = pool.directory / "rosey.db"
    database = database_process(
        pool.directory, "database", nats_url=pool.nats.url, database=path, default_channel="room0"
    )
    database.start()
    said: dict[str, int] = dict.fromkeys(ROOMS, 0)

    async def talk() -> None:
        while True:
            for room, watcher in pool.watchers.items():
                await watcher.say(f"line {said[room]}")
                said[room] += 1
            await asyncio.sleep(0.5)

    try:
        await asyncio.to_thread(database.wait_ready)
        for name in ("a", "b", "c"):
            pool.start(name, ttl=1.5)
        await pool.all_there()
        held = await pool.shared(nats_client, 2, 2, 2)
        talking = asyncio.create_task(talk())

        killed_at = time.monotonic()
        pool.workers["a"].kill()
        orphans = [room for room, worker in held.items() if worker == "a"]
        for room in orphans:
            await until(lambda room=room: not pool.watchers[room].is_there)
        await asyncio.gather(
            *(pool.watchers[room].answer(killed_at + FAIL_OVER - time.monotonic()) for room in orphans)
        )
        now_held = await pool.shared(nats_client, 3, 3)
        assert {room for room in ROOMS if now_held[room] != held[room]} == set(orphans)

        stopped_at = time.monotonic()
        await asyncio.to_thread(pool.workers["b"].stop)
        await pool.shared(nats_client, 6)
        moved = [room for room, worker in now_held.items() if worker == "b"]
        away = {room: pool.watchers[room].away(stopped_at) for room in moved}
        assert all(0 < seconds < HANDED_OVER for seconds in away.values()), away
        assert all(pool.watchers[room].away(stopped_at) == 0 for room in ROOMS if room not in moved)
        assert pool.workers["b"].exit_code == 0

        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)

        def is_stored() -> bool:
            with closing(sqlite3.connect(path)) as connection:
                rows = connection.execute(
                    "SELECT c.key, t.message FROM recent_chat t JOIN channels c ON c.id = t.channel_id"
                    " WHERE t.message LIKE 'line %'"
                ).fetchall()
                counted = connection.execute(
                    "SELECT sum(total_chat_lines) FROM user_stats WHERE username = 'Mod'"
                ).fetchone()[0]
            assert len(rows) == len(set(rows)), "a line is stored twice"
            return len(rows) == sum(said.values()) and counted >= len(rows)

        await until(is_stored, what="every line, those said while no bot was there, too")
        with closing(sqlite3.connect(path)) as connection:
            lines = connection.execute("SELECT count(*) FROM recent_chat WHERE username = 'Mod'").fetchone()[0]
            counted = connection.execute("SELECT sum(total_chat_lines) FROM user_stats WHERE username = 'Mod'")
            assert counted.fetchone()[0] == lines
    finally:
        await asyncio.to_thread(database.stop)


async def test_a_worker_that_stood_still_answers_nobody_once_another_has_its_channel(
    pool: Pool, nats_client: Client
) -> None:
    """As a guest: who comes takes the name from who stands still, which then hears what was said to it until then."""
    await pool.open(["room0"])
    pool.start("a", ttl=1, is_account=False)
    await pool.all_there()
    watcher = pool.watchers["room0"]
    await watcher.say("!help")
    await until(lambda: watcher.heard(GUEST))
    pool.start("b", ttl=1, is_account=False)
    await asyncio.to_thread(pool.workers["b"].wait_ready)

    before = len(watcher.heard(GUEST))
    pool.workers["a"].pause()
    await watcher.say("!help")
    await watcher.whisper(GUEST, "current")

    async def is_taken() -> bool:
        return [row.worker for row in await bucket.read(nats_client)] == ["b"]

    await until(is_taken, what="another has the channel")
    pool.workers["a"].resume()
    await until(lambda: "room0: leaving" in pool.workers["a"].log, what="the first leaves")
    assert watcher.is_there
    assert len(watcher.heard(GUEST)) == before
    assert watcher.whispers(GUEST) == []
    assert "has stood still" in pool.workers["a"].log


async def test_a_worker_that_takes_a_channel_over_behaves_as_moderators_told_the_one_before(
    pool: Pool, nats_client: Client
) -> None:
    await pool.open(["room0"])
    pool.start("a", ttl=1)
    await pool.all_there()
    watcher = pool.watchers["room0"]
    await watcher.whisper(BOT, "quiet on")
    await until(lambda: watcher.whispers(BOT))
    pool.start("b", ttl=1)
    await asyncio.to_thread(pool.workers["b"].wait_ready)
    await asyncio.to_thread(pool.workers["a"].kill)
    await until(lambda: not watcher.is_there, what="the first is gone")
    await until(lambda: watcher.is_there, timeout=20.0, what="the second has come")
    await watcher.whisper(BOT, "quiet")
    await until(lambda: len(watcher.whispers(BOT)) == 2)
    assert watcher.whispers(BOT)[1] == "The bot is quiet until somebody sends quiet off"


async def test_without_nats_the_holders_fall_silent_in_their_rooms_and_then_carry_on(
    pool: Pool, nats_server: NatsServer, nats_client: Client
) -> None:
    await pool.open(ROOMS[:2])
    for name in ("a", "b"):
        pool.start(name, ttl=1)
    await pool.all_there()
    held = await pool.shared(nats_client, 1, 1)
    killed_at = time.monotonic()
    nats_server.kill()
    for worker in pool.workers.values():
        await until(lambda worker=worker: "the lease has run out" in worker.log, what="silence")
    for watcher in pool.watchers.values():
        await watcher.whisper(BOT, "current")
        await watcher.say("!help")
    # Both would be answered within the time that a command takes: a second at most.
    began = time.monotonic()
    await until(lambda: time.monotonic() - began > 1)
    assert all(watcher.whispers(BOT) == watcher.heard(BOT) == [] for watcher in pool.watchers.values())
    assert all(watcher.is_there for watcher in pool.watchers.values())
    nats_server.start()
    await asyncio.gather(*(watcher.answer(FAIL_OVER) for watcher in pool.watchers.values()))
    assert await pool.shared(nats_client, 1, 1) == held
    assert all(watcher.away(killed_at) == 0 for watcher in pool.watchers.values())
