"""Sequences of events for hypothesis, and what they leave in a database."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from typing import Any, Final

import sqlalchemy
from hypothesis import strategies as st

from rosey_core import events
from rosey_core.identity import user_key
from rosey_database import effects, schema
from rosey_database.effects import Received
from rosey_database.tables import chat, outbound
from rosey_database.tables.channels import ChannelIds

START: Final = 1_700_000_000
OUTBOUND_MESSAGES: Final = 3

_NAMES: Final = ("Ann", "ann", "Bob", "Cid", "[server]", "server")
_CHANNELS: Final = (None, "lobby")
_SPAN: Final = 40


class Sweep(float):
    """In a sequence: maintenance deletes the chat that is older than this."""


class Told(Received):
    """An event that can be read in a failure's report."""

    def __repr__(self) -> str:
        return f"{self.event!r} at {self.time - START:g} in {self.channel}, id {int.from_bytes(self.event_id, 'big')}"


Step = Received | Sweep

_names = st.sampled_from(_NAMES)
_counts = st.integers(0, 5)

_STRATEGIES: Final[tuple[st.SearchStrategy[events.Event], ...]] = (
    st.builds(events.UserJoined, username=_names),
    st.builds(events.UserLeft, username=_names),
    st.builds(
        events.UsersPresent,
        users=st.lists(st.builds(events.PresentUser, username=_names), max_size=4),
        unseen_since=st.one_of(st.none(), st.integers(START, START + _SPAN).map(float)),
    ),
    st.builds(events.ChatMessage, username=_names, message=st.sampled_from(["hi", "ho"]), replayed=st.booleans()),
    st.builds(events.UserCount, chat_count=_counts, connected_count=_counts),
    st.builds(events.HighWater, chat_count=_counts, connected_count=st.one_of(st.none(), _counts)),
    st.builds(
        events.StatusUpdate,
        status_data=st.builds(
            events.StatusData, bot_name=st.sampled_from(["R", "S"]), bot_connected=st.sampled_from([True, False, None])
        ),
    ),
    st.builds(
        events.MediaPlayed,
        title=st.just("A film"),
        type=st.just("yt"),
        id=st.sampled_from(["a", "b"]),
        duration=st.sampled_from([0.0, 10.0]),
        started=st.one_of(st.none(), st.integers(START, START + _SPAN).map(float)),
    ),
    st.builds(events.MediaEnded, skipped=st.sampled_from([None, True, False])),
    st.builds(events.PlaylistChanged, action=st.sampled_from(["queued", "removed"]), item=st.just({"uid": 1})),
    st.builds(events.OutboundSent, message_id=st.integers(1, OUTBOUND_MESSAGES)),
    st.builds(
        events.OutboundFailed,
        message_id=st.integers(1, OUTBOUND_MESSAGES),
        error=st.sampled_from(["no", "never"]),
        permanent=st.booleans(),
        attempted=st.booleans(),
    ),
    st.builds(
        events.PmCommand,
        username=st.just("Mod"),
        command=st.sampled_from(["kick", "stats"]),
        result=st.sampled_from(["pending", "success", "error"]),
    ),
)

# One strategy for each type of event, in the order of the types.
_EVENTS: Final = dict(zip(events.TYPES, _STRATEGIES, strict=True))


@st.composite
def _received(draw: st.DrawFn, index: int, kinds: Collection[type[events.Event]]) -> Received:
    event = draw(st.one_of([_EVENTS[kind] for kind in kinds]))
    # Whole and half seconds meet often; most ids are the event's own, commands share theirs.
    time = START + draw(st.integers(0, 2 * _SPAN)) / 2
    own = draw(st.integers(0, 3)) if isinstance(event, events.PmCommand) else 100 + index
    return Told(event, draw(st.sampled_from(_CHANNELS)), own.to_bytes(16, "big"), time, time + draw(_counts))


_KNOWN: Final = [
    Told(events.ChatMessage(username=name, message="hi"), channel, (50 + index).to_bytes(16, "big"), START, START)
    for index, (name, channel) in enumerate(itertools.product(_NAMES, _CHANNELS))
]


@st.composite
def sequences(
    draw: st.DrawFn, *, kinds: Collection[type[events.Event]] = events.TYPES, ordered: bool | None = None
) -> list[Step]:
    """Events in order of time; or, unless ``ordered`` is wanted, in any order, among users who are known by then.

    Of an unknown user who leaves nothing is kept: that he came before can only be told if it is told in order.
    """
    steps: list[Step] = [draw(_received(index, kinds)) for index in range(draw(st.integers(1, 14)))]
    if ordered is None:
        ordered = draw(st.booleans())
    if not ordered:
        steps[:0] = _KNOWN
    else:
        times = sorted(step.time for step in steps if isinstance(step, Received))
        for index, (step, time) in enumerate(zip(steps, times, strict=True)):
            assert isinstance(step, Received)
            step.time = time + index / 100
    return steps


@st.composite
def repeated(draw: st.DrawFn, steps: Sequence[Step]) -> list[Step]:
    """The same with some events a second or third time, anywhere after the first."""
    result = list(steps)
    for _ in range(draw(st.integers(1, 8))):
        place = draw(st.integers(0, len(result) - 1))
        step = result[place]
        if isinstance(step, Received):
            result.insert(draw(st.integers(place + 1, len(result))), step)
    return result


def empty() -> bytes:
    """A database with nothing in it but the default channel, as SQLite serialises it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)) as connection:
        engine = sqlalchemy.create_engine("sqlite://", creator=lambda: connection, poolclass=sqlalchemy.pool.StaticPool)
        schema.metadata.create_all(engine)
        for trigger in schema.TRIGGERS:
            connection.execute(trigger)
        connection.execute("INSERT INTO channels (id, key) VALUES (1, '')")
        connection.execute("INSERT INTO channel_stats (id) VALUES (1)")
        connection.execute("INSERT INTO current_status (id) VALUES (1)")
        return connection.serialize()


def _template() -> bytes:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(empty())
        for _ in range(OUTBOUND_MESSAGES):
            outbound.enqueue(connection, channel_id=1, message="hi", time=START)
        return connection.serialize()


_TEMPLATE: Final = _template()


def play(steps: Iterable[Step], batches: Callable[[int], bool] = lambda index: True) -> dict[str, list[Any]]:
    """Apply ``steps`` to a new database; what its tables then hold.

    Args:
        batches: whether a batch ends after the step with this index; a sweep always ends one.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.deserialize(_TEMPLATE)
        return _play(connection, steps, batches)


def _play(
    connection: sqlite3.Connection, steps: Iterable[Step], batches: Callable[[int], bool]
) -> dict[str, list[Any]]:
    ids = ChannelIds()
    batch: list[Received] = []

    def flush() -> None:
        connection.execute("BEGIN")
        effects.apply(connection, ids, batch)
        connection.execute("COMMIT")
        batch.clear()

    for index, step in enumerate(steps):
        if isinstance(step, Sweep):
            flush()
            chat.sweep(connection, before=step, limit=1000)
        else:
            batch.append(step)
            if batches(index):
                flush()
    flush()
    return _tables(connection)


def _tables(connection: sqlite3.Connection) -> dict[str, list[Any]]:
    connection.row_factory = sqlite3.Row
    tables = {}
    for table in schema.metadata.sorted_tables:
        rows = [dict(row) for row in connection.execute(f"SELECT * FROM {table.name}")]
        for row in rows:
            if "event_id" in row or table.name == "media_played":
                # Which of two rows was first does not matter.
                del row["id"]
            if row.get("current_session_start", 0) is None:
                # Of who is not in the room it only says which late news is stale.
                del row["presence_time"]
            if "username" in row:
                row["username"] = user_key(row["username"])
        tables[table.name] = sorted(rows, key=repr)
    return tables
