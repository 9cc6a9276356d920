"""From frames to events: the one place where CyTube's terms become Rosey's.

Every frame of a channel changes the room and, where it tells something that is worth keeping, is published. What the
events say rests on these rules:

- A line of chat has CyTube's own time and an id made of what it is, so that the same line has the same id whoever
  sees it, live or replayed. Lines before the first ``userlist`` of a connection are replays (PROTOCOL.md 5).
- Everything else has the time at which the bot saw it; no two such times of a channel are equal.
- What the server says in the guise of chat, and shadow-muted lines, are not chat. CyTube marks these for moderators
  and shows them to nobody else who has a name, but to anonymous sockets like any other line (PROTOCOL.md 5): while the
  bot waits for the name that it is to have, only what CyTube replays is known to be public. That holds until it has
  settled in: where it comes in anew for its name, the replay tells all lines in their order.
- A lost connection is no event of the room: nobody left, nothing ended. The next user list tells what became of it.
- A snapshot (the playlist at the join and after the login) is no change.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from msgspec import UNSET

from rosey_bot.cytube import frames
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.text import plain_text, well_formed
from rosey_bot.room.media import NowPlaying
from rosey_bot.room.playlist import PlaylistItem
from rosey_bot.room.room import Room
from rosey_bot.room.users import RoomUser, is_username
from rosey_bot.sink import EventSink
from rosey_bot.timeline import Timeline
from rosey_core import identity
from rosey_core.events import (
    ChatMessage,
    HighWater,
    MediaEnded,
    MediaPlayed,
    PlaylistChanged,
    PresentUser,
    StatusData,
    StatusUpdate,
    UserCount,
    UserJoined,
    UserLeft,
    UsersPresent,
)

REMEMBERED_LINES: Final = 512
"""Lines among which equal ones of one millisecond are told apart; CyTube lets nobody say that many in one."""


class Normaliser:
    """Follows one channel's frames: keeps its room and publishes what happens in it.

    Args:
        channel: the channel's key.
        room: the room to keep.
        sink: where events go.
        bot_name: the name that the bot is configured to have; shown in the status while it is not logged in. Without
            one it stays anonymous, and takes every line for public.
        started: Unix seconds; when this bot started.
        clock: Unix seconds.
    """

    def __init__(
        self,
        channel: str,
        room: Room,
        sink: EventSink,
        *,
        bot_name: str | None = None,
        started: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._channel: Final = channel
        self._room: Final = room
        self._sink: Final = sink
        self._bot_name: Final = bot_name
        self._started: Final = clock() if started is None else started
        self.timeline: Final = Timeline(clock)
        self._peak_chat = 0
        self._peak_connected = 0
        self._unseen_since: float | None = None
        self._interrupted: NowPlaying | None = None
        self._told_that_nothing_plays = False
        self._lines: OrderedDict[tuple[int, str, str], int] = OrderedDict()
        self._is_watching = False

    def follow(self, dispatcher: Dispatcher) -> None:
        """Take this channel's frames from ``dispatcher``."""
        dispatcher.on(frames.CHAT_MSG, self._chat)
        dispatcher.on(frames.USERLIST, self._userlist)
        dispatcher.on(frames.ADD_USER, self._add_user)
        dispatcher.on(frames.USER_LEAVE, self._user_leave)
        dispatcher.on(frames.USERCOUNT, self._usercount)
        dispatcher.on(frames.SET_USER_RANK, self._user_rank)
        dispatcher.on(frames.SET_USER_META, self._user_meta)
        dispatcher.on(frames.SET_AFK, self._user_afk)
        dispatcher.on(frames.SET_LEADER, self._leader)
        dispatcher.on(frames.RANK, self._own_rank)
        dispatcher.on(frames.LOGIN, self._login)
        dispatcher.on(frames.PLAYLIST, self._playlist)
        dispatcher.on(frames.QUEUE, self._queue)
        dispatcher.on(frames.DELETE, self._delete)
        dispatcher.on(frames.MOVE_VIDEO, self._move)
        dispatcher.on(frames.SET_TEMP, self._temp)
        dispatcher.on(frames.SET_CURRENT, self._current)
        dispatcher.on(frames.SET_PLAYLIST_META, self._playlist_meta)
        dispatcher.on(frames.SET_PLAYLIST_LOCKED, self._locked)
        dispatcher.on(frames.CHANGE_MEDIA, self._change_media)
        dispatcher.on(frames.MEDIA_UPDATE, self._media_update)
        dispatcher.on(frames.SET_PERMISSIONS, self._room.permissions.replace)
        dispatcher.on(frames.CHANNEL_OPTS, self._options)

    def connected(self) -> None:
        """A connection begins; its frames show the room from the beginning."""
        self._room.forget()
        self._lines.clear()
        self._is_watching = False

    def settled(self) -> None:
        """The bot has the name that it is to have, or none, and stays."""
        self._is_watching = False

    def disconnected(self, *, last_seen: float | None = None) -> None:
        """The connection is lost, or was given up.

        Args:
            last_seen: Unix seconds; when the room was last in sight, now where ``None``.
        """
        was_joined = self._room.is_joined
        if was_joined:
            self._unseen_since = self.timeline.now() if last_seen is None else last_seen
            self._interrupted = self._room.media
        self._room.forget()
        if was_joined:
            self.report_status()

    def report_status(self) -> None:
        """Publish what the bot knows of itself and the room; what it does not know now is null."""
        room = self._room
        me, media = room.me, room.media
        self._sink.publish(
            StatusUpdate(
                status_data=StatusData(
                    bot_name=room.own_name or self._bot_name,
                    bot_rank=room.own_rank if room.own_name is not None else None,
                    bot_afk=me.afk if me is not None else None,
                    channel_name=room.name,
                    current_chat_users=room.chat_count if room.is_joined else None,
                    current_connected_users=room.connected_count,
                    playlist_items=len(room.playlist) if room.is_joined else None,
                    current_media_title=media.title if media is not None else None,
                    current_media_duration=media.seconds if media is not None else None,
                    bot_start_time=self._started,
                    bot_connected=room.is_joined,
                ),
                **self._envelope(),
            )
        )

    def report_counts(self) -> None:
        """Publish how many are here; nothing before CyTube has told it on this connection."""
        connected = self._room.connected_count
        if self._room.is_joined and connected is not None:
            self._sink.publish(
                UserCount(chat_count=self._room.chat_count, connected_count=connected, **self._envelope())
            )

    def _envelope(self, now: float | None = None) -> dict[str, Any]:
        timestamp = self.timeline.now() if now is None else now
        return {
            "channel": self._channel,
            "timestamp": timestamp,
            "platform": frames.PLATFORM,
            "id": identity.uuid7(int(timestamp * 1000)),
        }

    # Chat

    def _chat(self, frame: frames.ChatMsg) -> None:
        if not is_username(frame.username) or frame.meta.shadow or self._is_watching:
            return
        text = plain_text(frame.msg)
        self._sink.publish(
            ChatMessage(
                channel=self._channel,
                timestamp=frame.time / 1000,
                platform=frames.PLATFORM,
                id=identity.chat_id(
                    channel=self._channel,
                    milliseconds=int(frame.time),
                    username=frame.username,
                    text=text,
                    ordinal=self._ordinal(frame, text),
                ),
                username=frame.username,
                message=text,
                replayed=not self._room.is_joined,
            )
        )

    def _ordinal(self, frame: frames.ChatMsg, text: str) -> int:
        line = (int(frame.time), identity.user_key(frame.username), text)
        ordinal = self._lines.pop(line, -1) + 1
        self._lines[line] = ordinal
        if len(self._lines) > REMEMBERED_LINES:
            self._lines.popitem(last=False)
        return ordinal

    # Users

    def _userlist(self, users: list[frames.User]) -> None:
        room = self._room
        is_join = not room.is_joined
        now = self.timeline.now()
        room.users.replace(self._room_user(user, now, was_present=is_join) for user in users if is_username(user.name))
        room.is_joined = True
        self._sink.publish(
            UsersPresent(
                users=[PresentUser(username=user.name, rank=user.rank, afk=user.afk) for user in room.users],
                unseen_since=self._unseen_since if is_join else None,
                **self._envelope(now),
            )
        )
        if is_join:
            self._is_watching = room.own_name is None and self._bot_name is not None
            self._unseen_since = None
            self._interrupted = None
            if room.media is None:
                self._nothing_plays()
            self.report_status()
        self._watch_counts()

    def _add_user(self, frame: frames.User) -> None:
        if not is_username(frame.name):
            return
        now = self.timeline.now()
        self._room.users.add(self._room_user(frame, now, was_present=False))
        self._sink.publish(UserJoined(username=frame.name, **self._envelope(now)))
        self._watch_counts()

    def _user_leave(self, frame: frames.UserName) -> None:
        if is_username(frame.name):
            self._room.users.remove(frame.name)
            self._sink.publish(UserLeft(username=frame.name, **self._envelope()))

    def _usercount(self, connections: int) -> None:
        self._room.connections = connections
        self._watch_counts()

    def _watch_counts(self) -> None:
        chat, connected = self._room.chat_count, self._room.connected_count
        if not self._room.is_joined:
            return
        # CyTube may take 10 s to tell how many are connected. Who is in chat by then may have gone again.
        if chat > self._peak_chat or (connected is not None and connected > self._peak_connected):
            self._peak_chat = max(self._peak_chat, chat)
            self._peak_connected = max(self._peak_connected, connected or 0)
            self.report_counts()
            self._sink.publish(HighWater(chat_count=chat, connected_count=connected, **self._envelope()))

    def _user_rank(self, frame: frames.UserRank) -> None:
        self._room.users.set_rank(frame.name, frame.rank)
        if self._room.is_me(frame.name):
            self._room.own_rank = frame.rank

    def _user_meta(self, frame: frames.SetUserMeta) -> None:
        afk, muted, shadow_muted = frame.meta.afk, frame.meta.muted, frame.meta.smuted
        self._room.users.set_state(
            frame.name,
            afk=None if afk is UNSET else afk,
            muted=None if muted is UNSET else muted and shadow_muted is not True,
            shadow_muted=None if shadow_muted is UNSET else shadow_muted,
        )

    def _user_afk(self, frame: frames.SetAfk) -> None:
        self._room.users.set_state(frame.name, afk=frame.afk)

    def _leader(self, name: str) -> None:
        self._room.users.leader = name

    def _own_rank(self, rank: float) -> None:
        self._room.own_rank = rank

    def _login(self, frame: frames.Login) -> None:
        if frame.success and is_username(frame.name):
            self._room.own_name = frame.name

    @staticmethod
    def _room_user(user: frames.User, now: float, *, was_present: bool) -> RoomUser:
        return RoomUser(
            name=user.name,
            rank=user.rank,
            afk=user.meta.afk is True,
            muted=user.meta.muted is True and user.meta.smuted is not True,
            shadow_muted=user.meta.smuted is True,
            since=now,
            was_present=was_present,
        )

    # Playlist

    def _playlist(self, items: list[frames.Item]) -> None:
        playlist = self._room.playlist
        before = {item.uid for item in playlist}
        playlist.replace(self._playlist_item(item) for item in items)
        if not self._room.is_joined:
            return
        if not items:
            if before or self._room.media is not None:
                self._changed("cleared")
            playlist.clear()
            self._nothing_plays()
        elif before and before.isdisjoint(item.uid for item in items):
            self._changed("shuffled")

    def _queue(self, frame: frames.Queue) -> None:
        item = self._playlist_item(frame.item)
        self._room.playlist.insert(item, frame.after)
        self._changed("queued", item.describe(after=frame.after), by=item.queued_by or None)

    def _delete(self, frame: frames.Delete) -> None:
        playlist, media = self._room.playlist, self._room.media
        item = playlist.remove(frame.uid)
        if item is not None:
            self._changed("removed", item.describe())
        if media is not None and media.uid == frame.uid:
            self._room.media = None
        if not len(playlist):
            self._nothing_plays()

    def _move(self, frame: frames.MoveVideo) -> None:
        item = self._room.playlist.move(frame.uid, frame.after)
        if item is not None:
            self._changed("moved", item.describe(after=frame.after))

    def _temp(self, frame: frames.SetTemp) -> None:
        item = self._room.playlist.set_temp(frame.uid, frame.temp)
        if item is not None:
            self._changed("temp", item.describe())

    def _current(self, uid: int) -> None:
        self._room.playlist.current = uid

    def _playlist_meta(self, frame: frames.PlaylistMeta) -> None:
        # The server's count is right where ours is not: a moved item can vanish there without a frame (PROTOCOL.md 8).
        if frame.count == 0 and self._room.is_joined:
            self._room.playlist.clear()
            self._nothing_plays()

    def _locked(self, locked: bool) -> None:
        playlist = self._room.playlist
        before, playlist.locked = playlist.locked, locked
        if before is not None and before != locked:
            self._changed("locked" if locked else "unlocked")

    def _changed(self, action: str, item: dict[str, Any] | None = None, *, by: str | None = None) -> None:
        self._sink.publish(PlaylistChanged(action=action, item=item, by=by, **self._envelope()))

    @staticmethod
    def _playlist_item(item: frames.Item) -> PlaylistItem:
        return PlaylistItem(
            uid=item.uid,
            id=well_formed(item.media.id),
            title=well_formed(item.media.title),
            type=well_formed(item.media.type),
            duration=item.media.seconds,
            temp=item.temp,
            queued_by=item.queueby if is_username(item.queueby) else "",
        )

    # Media

    def _change_media(self, frame: frames.ChangeMedia) -> None:
        now = self.timeline.now()
        media = self._now_playing(frame, now)
        before, self._room.media = self._room.media, media
        if before is not None and self._is_same_play(before, media):
            self._room.media = replace(media, started=before.started)
            return
        media = self._room.media = self._resumed(media)
        self._told_that_nothing_plays = False
        envelope = self._envelope(now)
        self._sink.publish(
            MediaPlayed(
                title=media.title,
                type=media.type,
                id=media.id,
                duration=media.seconds,
                queued_by=media.queued_by,
                started=max(media.started, 0.0),
                channel=envelope["channel"],
                timestamp=envelope["timestamp"],
                platform=envelope["platform"],
                event=envelope["id"],
            )
        )

    def _now_playing(self, frame: frames.ChangeMedia, now: float) -> NowPlaying:
        item = self._room.playlist.get(self._room.playlist.current)
        return NowPlaying(
            id=well_formed(frame.id),
            title=well_formed(frame.title),
            type=well_formed(frame.type),
            seconds=frame.seconds,
            queued_by=(item.queued_by or None) if item is not None else None,
            started=now - frame.currentTime,
            position=frame.currentTime,
            at=now,
            paused=frame.paused,
            uid=self._room.playlist.current,
        )

    def _is_same_play(self, before: NowPlaying, media: NowPlaying) -> bool:
        if not before.is_same_item(media):
            return False
        if before.uid == media.uid:
            return before.agrees_with(media)
        # A shuffle gives the item that plays a new number and shows it again (PROTOCOL.md 8).
        was_renumbered = self._room.playlist.get(before.uid) is None
        return was_renumbered and (media.seconds == 0 or before.agrees_with(media))

    def _resumed(self, media: NowPlaying) -> NowPlaying:
        """``media`` with the start of the play that the last loss of connection interrupted, if this is it."""
        interrupted, unseen_since = self._interrupted, self._unseen_since
        if interrupted is None or unseen_since is None or not interrupted.resumed_as(media, seen_until=unseen_since):
            return media
        return replace(media, started=interrupted.started)

    def _media_update(self, frame: frames.MediaUpdate) -> None:
        media = self._room.media
        if media is not None:
            self._room.media = media.updated(frame.currentTime, frame.paused, self.timeline.now())

    def _nothing_plays(self) -> None:
        self._room.media = None
        if not self._told_that_nothing_plays:
            self._told_that_nothing_plays = True
            self._sink.publish(MediaEnded(**self._envelope()))

    # Options

    def _options(self, frame: frames.Options) -> None:
        self._room.title = frame.pagetitle or self._room.name
        self._room.allows_voteskip = frame.allow_voteskip
