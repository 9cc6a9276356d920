"""Effects are idempotent: whatever arrives again, however late, in whatever batches, the tables stay the same.

Each property is also held against a broken variant, which it must find out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rosey_core import events
from rosey_database import BotDatabase, effects
from rosey_database.effects import Received
from rosey_database.tables import users
from rosey_database.tables.channels import ChannelState
from rosey_database.tables.chat import Chat
from rosey_database.writer import Transaction
from tests.unit.database.sequences import START, Step, Sweep, play, repeated, sequences

EXAMPLES = 50
HUNT = settings(
    max_examples=1500,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def _repeats(data: st.DataObject, *kinds: type[events.Event]) -> None:
    steps = data.draw(sequences(kinds=kinds or events.TYPES))
    again = data.draw(repeated(steps))
    assert play(again) == play(steps)


@given(st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_repeated_events_change_nothing(data: st.DataObject) -> None:
    _repeats(data)


async def test_no_effect_scans_a_history(temp_database: BotDatabase) -> None:
    kinds = [
        events.ChatMessage(username="Ann", message="hi", replayed=True),
        events.UserCount(chat_count=1, connected_count=2),
        events.MediaPlayed(title="A", type="yt", id="a"),
        events.MediaEnded(),
        events.PlaylistChanged(action="queued"),
        events.UsersPresent(users=[events.PresentUser(username="Ann")]),
        *(kind(username=f"user{number}") for number in range(12) for kind in (events.UserJoined, events.UserLeft)),
    ]
    batch = [Received(event, "lobby", bytes([number]) * 16, START, START) for number, event in enumerate(kinds)]

    def apply(work: Transaction) -> list[str]:
        statements: list[str] = []
        work.connection.set_trace_callback(statements.append)
        effects.apply(work.connection, work.channel_ids, batch)
        work.connection.set_trace_callback(None)
        asked = [statement for statement in statements if re.match(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)", statement)]
        return [row[3] for statement in asked for row in work.connection.execute(f"EXPLAIN QUERY PLAN {statement}")]

    plan = await temp_database.writer.run(apply)
    assert any("user_stats_user" in step for step in plan)
    histories = "recent_chat|user_count_history|user_stats|media_played|playlist_changes|user_actions"
    assert [step for step in plan if re.match(rf"SCAN ({histories})\b", step)] == []


def _replays_after_sweeps(data: st.DataObject, *kinds: type[events.Event]) -> None:
    """Of chat alone: beyond retention only replayed lines come again."""
    lines = [
        Received(
            events.ChatMessage(username="Ann", message="hi", replayed=data.draw(st.booleans())),
            None,
            index.to_bytes(16, "big"),
            START + data.draw(st.integers(0, 20)),
            START + 20.0 + index,
        )
        for index in range(data.draw(st.integers(1, 8)))
    ]
    steps: list[Step] = list(lines)
    replayed: list[Step] = [
        Received(events.ChatMessage(username="Ann", message="hi", replayed=True), None, line.event_id, line.time, 0)
        for line in lines
    ]
    sweep = Sweep(START + data.draw(st.integers(0, 60)))
    before = play([*steps, sweep])
    assert play([*steps, sweep, *replayed, *replayed])["user_stats"] == before["user_stats"]


@given(st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_lines_replayed_after_a_sweep_are_not_counted_again(data: st.DataObject) -> None:
    _replays_after_sweeps(data)


def _in_batches(data: st.DataObject) -> None:
    steps = data.draw(sequences(ordered=True))
    ends = data.draw(st.sets(st.integers(0, len(steps))))
    assert play(steps, ends.__contains__) == play(steps)


@given(st.data())
@settings(max_examples=EXAMPLES, deadline=None)
def test_it_does_not_matter_how_events_are_batched(data: st.DataObject) -> None:
    _in_batches(data)


_FOLD = users._fold


def _count_without_id(self: Chat) -> int:
    rows, counted = self._rows, self._counted
    self._rows, self._counted = [], []
    known = self._connection.execute
    for row, time in zip(rows, counted, strict=True):
        known(
            "INSERT OR IGNORE INTO recent_chat (timestamp, username, message, channel_id, event_id, received) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            row,
        )
        if time is not None:
            self._users.said(row[3], row[1], time)
    return 0


def _come_and_go_by_arrival(row: Any, touched: Any) -> Any:
    return _FOLD(None if row is None else (*row[:-1], -1.0), touched)


def _forget_lists(self: ChannelState, time: float) -> bool:
    return True


def _never_swept(self: Chat) -> float:
    return 0.0


def _status_by_arrival(
    self: effects.UnitOfWork, channel_id: int, received: Received, event: events.StatusUpdate
) -> None:
    name = event.status_data.bot_name
    self.connection.execute("UPDATE current_status SET bot_name = ? WHERE id = ?", (name, channel_id))


def _count_by_arrival(self: effects.UnitOfWork, channel_id: int, received: Received, event: events.UserCount) -> None:
    self.connection.execute("INSERT INTO user_count_history (timestamp, chat_users, connected_users) VALUES (1, 1, 1)")


@pytest.mark.parametrize(
    ("check", "kinds", "owner", "name", "broken"),
    [
        (_repeats, (events.ChatMessage,), Chat, "flush", _count_without_id),
        (_repeats, (events.UserJoined, events.UserLeft), users, "_fold", _come_and_go_by_arrival),
        (_repeats, (events.UserJoined, events.UsersPresent), ChannelState, "listed", _forget_lists),
        (_replays_after_sweeps, (events.ChatMessage,), Chat, "_sweep_mark", _never_swept),
        (_repeats, (events.StatusUpdate,), effects._EFFECTS, events.StatusUpdate, _status_by_arrival),
        (_repeats, (events.UserCount,), effects._EFFECTS, events.UserCount, _count_by_arrival),
    ],
    ids=[
        "counter without id",
        "presence by arrival",
        "old lists close sessions",
        "ids for ever",
        "status by arrival",
        "rows without id",
    ],
)
def test_a_broken_effect_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
    check: Callable[..., None],
    kinds: tuple[type[events.Event], ...],
    owner: Any,
    name: Any,
    broken: Callable[..., object],
) -> None:
    if isinstance(owner, dict):
        monkeypatch.setitem(owner, name, broken)
    else:
        monkeypatch.setattr(owner, name, broken)
    hunt = HUNT(given(st.data())(lambda data: check(data, *kinds)))
    with pytest.raises(AssertionError):
        hunt()
