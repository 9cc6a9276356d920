"""Recordings with odd frames in them, over a real socket: the bot is there for what comes next."""

from __future__ import annotations

import asyncio
import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from rosey_bot.channels.channel import Channel, ChannelSettings
from rosey_bot.cytube.backoff import Cause, ReconnectPolicy
from rosey_bot.cytube.login import Credentials
from rosey_simulator.recording import RecordingServer
from tests.integration.recordings.harness import CHANNEL, SOON, SPEED
from tests.integration.recordings.reading import read
from tests.integration.recordings.recording import Recording
from tests.integration.recordings.test_recorded_rooms import CONTENTS, RECORDINGS
from tests.support.waiting import until
from tests.unit.bot.harness import ListSink, Nobody
from tests.unit.bot.test_malformed_frames import places

MUTATED_SHARE = 0.3
ODD_VALUES = (None, True, -1, 2**64, 10**400, float("nan"), "", "x" * 100_000, "\ud800", [], [None], {}, {"a": [{}]})
# A channel whose frames are odd may give no answer at all.
IMPATIENT = ReconnectPolicy(delays=dict.fromkeys(Cause, SOON), login=SOON, answer_timeout=1.5)


def mutated(rows: list[dict[str, Any]], chance: random.Random) -> list[dict[str, Any]]:
    """The rows, with something odd or missing in some frames."""
    rows = copy.deepcopy(rows)
    for row in rows:
        found = places(row["args"])[1:]
        if row["dir"] == "send" or row["event"].startswith("@") or not found or chance.random() > MUTATED_SHARE:
            continue
        *path, last = chance.choice(found)
        target = row["args"]
        for key in path:
            target = target[key]
        if chance.random() < 0.2:
            del target[last]
        else:
            target[last] = chance.choice(ODD_VALUES)
    return rows


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("name", CONTENTS)
async def test_a_bot_outlives_odd_frames_and_follows_the_next_connection(name: str, seed: int, tmp_path: Path) -> None:
    original = RECORDINGS / f"{name}.jsonl"
    rows = [json.loads(line) for line in original.read_text().splitlines()]
    again = [row | {"t": row["t"] + rows[-1]["t"]} for row in rows]
    path = tmp_path / "mutated.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*mutated(rows, random.Random(seed)), *again]))
    expected = {
        user["username"]
        for user in read(Recording(original))["user_stats"]
        if user["current_session_start"] is not None
    }
    server = RecordingServer(path, speed=SPEED)
    await server.start()
    nobody = Nobody()
    channel = Channel(
        ChannelSettings(key=CHANNEL, server=server.url, name=CHANNEL, credentials=Credentials("RoseyBot", "made-up")),
        sink=ListSink(),
        statistics=nobody,
        outbound=nobody,
        observer=nobody,
        policy=IMPATIENT,
    )
    run = asyncio.create_task(channel.run())
    try:
        await until(server.done.is_set)
        await until(lambda: channel.problem is None and {user.name for user in channel.room.users} == expected)
        assert channel.dispatcher.malformed
        assert channel.dispatcher.failed == {}
        assert not run.done()
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        await server.stop()
