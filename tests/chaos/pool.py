"""A pool in many rooms: how soon all are joined, how evenly, and for how long they have no bot when workers are killed
and restarted. Prints one line of JSON; ends with 1 where a bound is not kept, or a line of chat is lost or doubled.

``python -m tests.chaos.pool --workers 4 --channels 100``: two minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import nats

from rosey_core import streams
from rosey_core.streams import StreamLimits
from rosey_simulator.server import SimulatorServer
from tests.chaos.processes import database_process
from tests.integration.pool.harness import BOT, Pool
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

BOUNDS: Final = {"joined_s": 30.0, "killed_away_max_s": 5.0, "restarted_away_max_s": 1.0, "lost": 0, "doubled": 0}


async def measure(directory: Path, workers: int, channels: int, lines: float) -> dict[str, Any]:
    """One run; ``lines`` of chat a second, over all rooms."""
    server = NatsServer(directory / "nats")
    server.start()
    client = await nats.connect(server.url)
    cytube = SimulatorServer()
    for name in (BOT, "Mod"):
        cytube.add_account(name, f"pw-{name}")
    await cytube.start()
    pool = Pool(cytube, server, directory)
    path = directory / "rosey.db"
    database = database_process(directory, "database", nats_url=server.url, database=path, default_channel="room0")
    said: Counter[str] = Counter()
    talking: asyncio.Task[None] | None = None
    try:
        database.start()
        await asyncio.to_thread(database.wait_ready)
        await streams.ensure_buckets(client, StreamLimits())
        await pool.open([f"room{number}" for number in range(channels)])
        names = [f"w{number}" for number in range(workers)]
        began = time.monotonic()
        for name in names:
            pool.start(name, connections_per_address=2 * channels)
        await pool.all_there(120)
        joined = time.monotonic() - began
        await _settled(pool, client, workers, channels)
        loads = await _loads(pool, client)

        async def talk() -> None:
            while True:
                for room, watcher in pool.watchers.items():
                    await watcher.say(f"line {said[room]}")
                    said[room] += 1
                    await asyncio.sleep(1 / lines)

        talking = asyncio.create_task(talk())
        killed_at = time.monotonic()
        pool.workers[names[0]].kill()
        held = loads[names[0]]
        await until(
            lambda: sum(watcher.away(killed_at) > 0 for watcher in pool.watchers.values()) >= held, timeout=30, poll=0.1
        )
        await pool.all_there(60)
        killed_away = sorted(watcher.away(killed_at) for watcher in pool.watchers.values())
        pool.start(names[0], connections_per_address=2 * channels)
        await _settled(pool, client, workers, channels)

        restarted_at = time.monotonic()
        for name in names:
            await asyncio.to_thread(pool.workers[name].stop)
            worker = pool.start(name, connections_per_address=2 * channels)
            await asyncio.to_thread(worker.wait_ready)
        await pool.all_there(60)
        times = {room: _stays_away(watcher, restarted_at) for room, watcher in pool.watchers.items()}
        restarted_away = sorted(times.values())
        if restarted_away[-1] > BOUNDS["restarted_away_max_s"]:
            _tell_of(max(times, key=lambda room: times[room]), pool)
        await _settled(pool, client, workers, channels)
        talking.cancel()
        await asyncio.gather(talking, return_exceptions=True)
        await asyncio.sleep(0)
        total = sum(said.values())
        stored: Counter[tuple[str, str]] = Counter()
        deadline = time.monotonic() + 30
        while len(stored) < total and time.monotonic() < deadline:
            await asyncio.sleep(0.5)
            stored = Counter(_stored(path))
        if len(stored) < total:
            for process in (database, *pool.workers.values()):
                sys.stderr.write(f"--- {process.name}, exit code {process.exit_code}\n{process.log[-2000:]}\n")
        return {
            "workers": workers,
            "channels": channels,
            "joined_s": round(joined, 2),
            "loads": sorted(loads.values()),
            "killed_channels": held,
            "killed_away_max_s": round(killed_away[-1], 2),
            "restarted_away_p50_s": round(restarted_away[len(restarted_away) // 2], 2),
            "restarted_away_max_s": round(restarted_away[-1], 2),
            "lines": total,
            "lost": total - len(stored),
            "doubled": sum(stored.values()) - len(stored),
        }
    finally:
        if talking is not None:
            talking.cancel()
        await pool.close()
        await asyncio.to_thread(database.stop)
        await cytube.stop()
        await client.close()
        server.kill()


def _tell_of(room: str, pool: Pool) -> None:
    """Write what all workers have said of a room, and of the pool, in order of time."""
    lines = sorted((line, name) for name, worker in pool.workers.items() for line in worker.log.splitlines())
    told = [f"{name}: {line}" for line, name in lines if f"{room}:" in line or "pool:" in line]
    sys.stderr.write("\n".join([f"--- {room}", *told[-60:], ""]))


def _stays_away(watcher: Any, since: float) -> float:
    """The longest that the bot was away at a stretch."""
    longest, left = 0.0, None
    for event, at in watcher.moments:
        if at >= since and event == "userLeave":
            left = at
        elif event == "addUser" and left is not None:
            longest, left = max(longest, at - left), None
    return longest


async def _loads(pool: Pool, client: Any) -> Counter[str]:
    return Counter(str(worker) for worker in (await pool.holders(client)).values())


async def _settled(pool: Pool, client: Any, workers: int, channels: int) -> None:
    async def is_even() -> bool:
        loads = await _loads(pool, client)
        counts = sorted(loads.values())
        return len(counts) == workers and sum(counts) == channels and counts[-1] - counts[0] <= 1

    await until(is_even, timeout=180, poll=0.5, what="even shares")


def _stored(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(
            "SELECT c.key, t.message FROM recent_chat t JOIN channels c ON c.id = t.channel_id"
            " WHERE t.message LIKE 'line %'"
        ).fetchall()


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--channels", type=int, default=100)
    parser.add_argument("--lines", type=float, default=20.0, help="lines of chat a second, over all rooms")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rosey-pool-") as directory:
        found = asyncio.run(measure(Path(directory), options.workers, options.channels, options.lines))
    broken = [name for name, bound in BOUNDS.items() if found[name] > bound]
    print(json.dumps({**found, "broken": broken}))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
