"""What events do to the tables: the one place, for ingest and for BotDatabase's methods alike.

Nothing here asks the clock: the same events give the same tables whenever they are applied. Every effect is
idempotent by the event's id, by its time, or by the state it leads to, so that an event applied again changes
nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from rosey_core import events
from rosey_core.events import Event
from rosey_database.tables import actions, counts, media, outbound, playlist, status
from rosey_database.tables.channels import ChannelIds, Channels
from rosey_database.tables.chat import Chat
from rosey_database.tables.rows import NewRows
from rosey_database.tables.users import Users

AHEAD_TOLERANCE_S: Final = 60.0
"""News of who is there that is dated further ahead of the stream's time is dated by the stream."""


class Received(Struct, gc=False):
    """An event with what its envelope and its place in the stream settled.

    Attributes:
        event: as it was decoded.
        channel: the channel's key, ``None`` for the default channel.
        event_id: 16 bytes, see ``rosey_core.identity``.
        time: Unix seconds, when it happened.
        stored: Unix seconds, when the stream stored it.
    """

    event: Event
    channel: str | None
    event_id: bytes
    time: float
    stored: float

    @property
    def known(self) -> float:
        """Its time, Unix seconds; the stream's where its own is of a clock that goes ahead.

        What decides which news is the newest must not lie in the future: when the clock is put right, everything that
        happens until then would be older. A tolerance keeps an event that arrives again at its time.
        """
        return self.time if self.time <= self.stored + AHEAD_TOLERANCE_S else self.stored


class UnitOfWork:
    """Events applied together inside one transaction.

    Args:
        connection: inside a transaction.
        channel_ids: of that database.
    """

    def __init__(self, connection: sqlite3.Connection, channel_ids: ChannelIds) -> None:
        self.connection = connection
        self.channel_ids = channel_ids
        self.channels = Channels(connection)
        self.users = Users(connection)
        self.chat = Chat(connection, self.channels, self.users)
        self.counts = NewRows(connection, counts.INSERT)
        self.playlist = NewRows(connection, playlist.INSERT)
        self.duplicates = 0

    def apply(self, channel_id: int, received: Received) -> None:
        """Take one event of a channel, in order.

        Raises:
            TypeError: there is no effect for this type of event.
        """
        event = received.event
        # Chat is nearly all of the traffic.
        if type(event) is events.ChatMessage:
            self.chat.add(
                channel_id=channel_id,
                event_id=received.event_id,
                username=event.username,
                message=event.message,
                time=received.time,
                received=received.stored,
                replayed=event.replayed,
            )
            return
        effect = _EFFECTS.get(type(event))
        if effect is None:
            raise TypeError(f"no effect for {type(event).__name__}")
        effect(self, channel_id, received, event)

    def flush(self) -> None:
        """Write what is gathered; to be called once, after the last event."""
        self.duplicates += self.chat.flush() + self.counts.flush() + self.playlist.flush()
        self.users.flush()
        self.channels.flush()

    def _new(self, is_new: bool) -> None:
        if not is_new:
            self.duplicates += 1

    def user_joined(self, channel_id: int, received: Received, event: events.UserJoined) -> None:
        self.users.joined(channel_id, event.username, received.known)
        self.channels[channel_id].seen(received.known)

    def user_left(self, channel_id: int, received: Received, event: events.UserLeft) -> None:
        self.users.left(channel_id, event.username, received.known)
        self.channels[channel_id].seen(received.known)

    def users_present(self, channel_id: int, received: Received, event: events.UsersPresent) -> None:
        state = self.channels[channel_id]
        seen_until = state.last_event_time if event.unseen_since is None else event.unseen_since
        usernames = [user.username for user in event.users]
        newest = state.listed(received.known)
        # Who has only chatted so far is known before the list is compared.
        self.duplicates += self.chat.flush()
        self.users.present(channel_id, usernames, received.known, seen_until=seen_until, newest=newest)
        state.seen(received.known)

    def user_count(self, channel_id: int, received: Received, event: events.UserCount) -> None:
        self.counts.add(int(received.time), event.chat_count, event.connected_count, channel_id, received.event_id)
        self.channels[channel_id].seen(received.known)

    def high_water(self, channel_id: int, received: Received, event: events.HighWater) -> None:
        counts.raise_high_water(
            self.connection,
            channel_id=channel_id,
            chat_users=event.chat_count,
            connected_users=event.connected_count,
            time=received.time,
        )

    def status_update(self, channel_id: int, received: Received, event: events.StatusUpdate) -> None:
        fields = {
            name: value for name in status.FIELDS if (value := getattr(event.status_data, name)) is not msgspec.UNSET
        }
        status.update(self.connection, channel_id=channel_id, fields=fields, time=received.known)
        if event.status_data.bot_connected in (True, 1):
            state = self.channels[channel_id]
            # A bot's word that it is in the room is no sight of what CyTube replays: only a live room says more.
            if state.live:
                state.seen(received.known)

    def media_played(self, channel_id: int, received: Received, event: events.MediaPlayed) -> None:
        self._new(
            media.played(
                self.connection,
                channel_id=channel_id,
                media_type=event.type,
                media_id=event.id,
                title=event.title,
                duration=event.duration,
                queued_by=event.queued_by or None,
                started_at=received.time if event.started is None else event.started,
                time=received.time,
                silent_since=self.channels[channel_id].media_ended,
            )
        )

    def media_ended(self, channel_id: int, received: Received, event: events.MediaEnded) -> None:
        media.ended(self.connection, channel_id=channel_id, time=received.time, skipped=event.skipped)
        self.channels[channel_id].fell_silent(received.time)

    def playlist_changed(self, channel_id: int, received: Received, event: events.PlaylistChanged) -> None:
        item = None if event.item is None else msgspec.json.encode(event.item).decode()
        self.playlist.add(int(received.time), event.action, item, event.by, channel_id, received.event_id)
        self.channels[channel_id].seen(received.known)

    def outbound_sent(self, channel_id: int, received: Received, event: events.OutboundSent) -> None:
        self._new(
            outbound.mark_sent(
                self.connection,
                channel_id=channel_id,
                message_id=event.message_id,
                time=received.time,
                stored=received.stored,
            )
        )

    def outbound_failed(self, channel_id: int, received: Received, event: events.OutboundFailed) -> None:
        self._new(
            outbound.mark_failed(
                self.connection,
                channel_id=channel_id,
                message_id=event.message_id,
                error=event.error,
                permanent=event.permanent,
                attempted=event.attempted,
                claimed_until=event.claimed_until,
                time=received.time,
                stored=received.stored,
            )
        )

    def pm_command(self, channel_id: int, received: Received, event: events.PmCommand) -> None:
        actions.log_command(
            self.connection,
            channel_id=channel_id,
            event_id=received.event_id,
            username=event.username,
            details=actions.command_details(
                command=event.command, args=event.args, result=event.result, error=event.error
            ),
            result=event.result,
            time=received.time,
        )


_EFFECTS: Final[dict[type[Event], Callable[..., None]]] = {
    events.UserJoined: UnitOfWork.user_joined,
    events.UserLeft: UnitOfWork.user_left,
    events.UsersPresent: UnitOfWork.users_present,
    events.UserCount: UnitOfWork.user_count,
    events.HighWater: UnitOfWork.high_water,
    events.StatusUpdate: UnitOfWork.status_update,
    events.MediaPlayed: UnitOfWork.media_played,
    events.MediaEnded: UnitOfWork.media_ended,
    events.PlaylistChanged: UnitOfWork.playlist_changed,
    events.OutboundSent: UnitOfWork.outbound_sent,
    events.OutboundFailed: UnitOfWork.outbound_failed,
    events.PmCommand: UnitOfWork.pm_command,
}


def apply(connection: sqlite3.Connection, channel_ids: ChannelIds, batch: Sequence[Received]) -> int:
    """Apply these events in order, inside the caller's transaction; returns how many were there already."""
    work = UnitOfWork(connection, channel_ids)
    ids = {key: channel_ids.resolve(connection, key) for key in {received.channel for received in batch}}
    work.channels.load(list(ids.values()))
    for received in batch:
        work.apply(ids[received.channel], received)
    work.flush()
    return work.duplicates
