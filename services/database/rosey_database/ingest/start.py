"""Where to read on: the stored position, checked against the stream that is there now.

A stream can be made anew, and it can be set back (power loss between syncs, a restored volume): then it gives the
same sequence numbers to other messages. So the message at the stored position must be the one that was stored.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

import nats.errors
from nats.aio.client import Client
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy, StreamInfo

from rosey_core import events, identity, streams
from rosey_database.ingest import lookup
from rosey_database.ingest import position as positions
from rosey_database.ingest.position import Position
from rosey_database.writer import Writer

log = logging.getLogger(__name__)

REREAD_MARGIN_S: Final = 3600.0
"""How far before the stored position's time a stream that was set back is read again: more than clocks go wrong."""


class Start(NamedTuple):
    """Where reading begins, and what had to be done for it: ``None``, ``recreated`` or ``set_back``."""

    position: Position
    incident: str | None


def created_microseconds(info: StreamInfo) -> int:
    """The stream's creation time, Unix microseconds."""
    return _microseconds(info.created) if info.created is not None else 0


async def locate(client: Client, writer: Writer, info: StreamInfo) -> Start:
    """Find where to read on, and store it where that is not the stored position.

    Raises:
        Fenced: another service moved the position meanwhile; call again.
        nats.errors.Error, sqlite3.Error: NATS or the database failed.
    """
    created = created_microseconds(info)
    first = max(info.state.first_seq, 1)
    stored = await writer.run(lambda transaction: positions.read(transaction.connection, streams.EVENTS))
    if stored is not None and stored.sequence > info.state.last_seq:
        # Another service may have stored what came since: no reason to call the stream set back.
        info = await client.jsm().stream_info(streams.EVENTS)
        created, first = created_microseconds(info), max(info.state.first_seq, 1)
    if stored is None:
        begun = Position(stream=streams.EVENTS, created=created, sequence=first - 1)
        await writer.run(lambda transaction: positions.begin(transaction.connection, begun))
        return Start(begun, None)
    if stored.created != created:
        log.warning("the stream %s was made anew: reading it from its beginning", streams.EVENTS)
        return await _restart(writer, stored, stored.restarted(first - 1, created=created), "recreated")
    problem = await _mismatch(client, info, stored)
    if problem is None:
        return Start(stored, None)
    since = datetime.fromtimestamp(max(stored.message_time / 1e9 - REREAD_MARGIN_S, 0), UTC)
    sequence = await _last_before(client, since)
    log.warning("the stream %s was set back (%s): reading again from %s on", streams.EVENTS, problem, since)
    return await _restart(writer, stored, stored.restarted(sequence), "set_back")


async def _restart(writer: Writer, stored: Position, to: Position, incident: str) -> Start:
    await writer.run(lambda transaction: positions.move(transaction.connection, built_on=stored, to=to))
    return Start(to, incident)


async def _mismatch(client: Client, info: StreamInfo, stored: Position) -> str | None:
    if stored.sequence > info.state.last_seq:
        return f"it ends at {info.state.last_seq}, and {stored.sequence} was stored from it"
    if stored.sequence < info.state.first_seq or not stored.message_time:
        return None
    message = await lookup.next_message(client, streams.EVENTS, start=stored.sequence)
    if message is None or message.sequence != stored.sequence:
        return None
    if message.nanoseconds // 1000 != stored.message_time // 1000:
        return f"{stored.sequence} is now another message"
    if stored.message_id is not None:
        try:
            event, _ = events.decode(message.subject, message.payload)
        except events.InvalidEvent:
            return f"{stored.sequence} is now another message"
        if event.event_id is not None and identity.id_bytes(event.event_id) != stored.message_id:
            return f"{stored.sequence} is now another message"
    return None


async def _last_before(client: Client, since: datetime) -> int:
    """The sequence before the first message that is not older than ``since``."""
    manager = client.jsm()
    consumer = await manager.add_consumer(
        streams.EVENTS,
        ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_TIME,
            opt_start_time=since,
            ack_policy=AckPolicy.NONE,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=5.0,
        ),
    )
    try:
        delivered = consumer.delivered
        return delivered.stream_seq if delivered is not None else 0
    finally:
        try:
            await manager.delete_consumer(streams.EVENTS, consumer.name)
        except nats.errors.Error as error:
            log.debug("giving up a consumer: %s", error)


def _microseconds(time: datetime) -> int:
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
