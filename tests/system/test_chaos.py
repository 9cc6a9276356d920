"""The short form of ``make chaos``, and proof that its verdict can be bad."""

import random
import sqlite3
from pathlib import Path

from rosey_database import BotDatabase, effects
from rosey_database.effects import Received
from tests.chaos.bot import BotPlan, BotScenario
from tests.chaos.record import Record
from tests.chaos.scenario import Plan, Scenario
from tests.support.verdict import CLEAN


async def test_nothing_is_lost_doubled_or_reordered_when_processes_are_killed(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(f"seed {seed}: python -m tests.chaos --seed {seed}")
    plan = Plan(
        seed=seed,
        rate=400,
        database_kills=3,
        nats_kills=1,
        pauses=1,
        set_backs=1,
        pause_s=4.0,
        spacing=(0.1, 0.6),
    )
    outcome = await Scenario(plan, tmp_path, print).run()
    assert outcome.verdict.sent > 1000
    assert outcome.verdict.is_clean, outcome.as_json()


async def test_what_a_bot_was_shown_is_stored_once_when_it_or_cytube_is_killed_and_nats_is_away(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print(
        f"seed {seed}: python -m tests.chaos --seed {seed} --database-kills 0 --nats-kills 0 --pauses 0 --set-backs 0"
    )
    scenario = BotScenario(
        BotPlan(seed=seed, rate=100, bot_kills=2, cytube_kills=1, away_s=3.0, away_rate=200), tmp_path, print
    )
    verdict = await scenario.run()
    assert verdict.sent > 500
    assert verdict.is_clean, verdict
    assert scenario.answer_seconds is not None
    assert scenario.answer_seconds < 1


async def stored(record: Record, path: Path, count: int) -> None:
    """Make so many events and store them, by the effects alone."""
    database = BotDatabase(path)
    await database.connect()
    received = []
    for _ in range(count):
        event = record.make()
        received.append(Received(event, event.channel, random.randbytes(16), event.timestamp or 0, 0))

    def apply(transaction) -> None:
        effects.apply(transaction.connection, transaction.channel_ids, received)

    await database.writer.run(apply)
    await database.close()


def damage(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


async def test_the_verdict_names_what_is_lost_doubled_and_reordered(tmp_path: Path) -> None:
    record = Record(channels=2)
    path = tmp_path / "bot_data.db"
    await stored(record, path, 100)
    assert record.compare(path).is_clean
    damage(path, "DELETE FROM playlist_changes WHERE id = 3")
    assert record.compare(path).lost == 1
    damage(
        path,
        "INSERT INTO recent_chat (timestamp, username, message, channel_id) "
        "SELECT timestamp, username, message, channel_id FROM recent_chat WHERE id = 90",
    )
    assert record.compare(path).doubled == 1
    damage(path, "UPDATE recent_chat SET id = 1000 WHERE id = 20")
    assert record.compare(path).reordered >= 1
    damage(path, "UPDATE user_stats SET total_chat_lines = total_chat_lines + 1 WHERE rowid = 1")
    assert record.compare(path).doubled == 2


async def test_the_verdict_on_a_bot_is_of_what_it_was_shown_long_enough_before_a_kill(tmp_path: Path) -> None:
    scenario = BotScenario(BotPlan(seed=1), tmp_path, print)
    database = BotDatabase(scenario._database)
    await database.connect()
    for number in (1, 2):
        await database.user_chat_message("Ann", f"room0 {number}", channel="room0")
    await database.close()
    shown = scenario._cytube.shown
    shown.update({("room0", 1): [10.0], ("room0", 2): [11.0]})
    assert scenario._compare() == CLEAN
    # Shown when a kill was near, and once more later.
    scenario._blind.append((19.5, 20.0))
    shown["room0", 3] = [19.8]
    assert scenario._compare() == CLEAN
    shown["room0", 3].append(25.0)
    assert scenario._compare().lost == 1
    damage(scenario._database, "UPDATE recent_chat SET message = 'room0 1'")
    assert (scenario._compare().lost, scenario._compare().doubled) == (2, 2)
