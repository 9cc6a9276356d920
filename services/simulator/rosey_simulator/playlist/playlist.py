"""The playlist of a room: what is on it, and who may change it."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rosey_simulator.feature import Feature, Handler
from rosey_simulator.frames import Frame
from rosey_simulator.member import MODERATOR_RANK, Member
from rosey_simulator.playlist.media import LIVE_TYPES, Media, MediaUnavailable, clock_time, link_of
from rosey_simulator.playlist.playback import Playback
from rosey_simulator.playlist.saved import SavedPlaylists
from rosey_simulator.throttle import QUEUE_MODERATOR, QUEUE_USER

if TYPE_CHECKING:
    from rosey_simulator.room import Room

MAX_ITEMS = 4000
REQUEST_SECONDS = 60


@dataclass
class Item:
    """One place on the playlist. `uid` counts from 0 each time the room is loaded."""

    uid: int
    media: Media
    temp: bool
    queueby: str

    def as_json(self) -> dict[str, Any]:
        return {"media": self.media.as_json(), "uid": self.uid, "temp": self.temp, "queueby": self.queueby}


class Playlist(Feature):
    """Items in order, one of which plays (PROTOCOL section 8). Without the right to it, an act is met with silence."""

    def __init__(self, room: Room) -> None:
        super().__init__(room)
        self.items: list[Item] = []
        self.playback = Playback(room, self.play_next)
        self.leader: Member | None = None
        self.saved = SavedPlaylists(self)
        # What shuffles the list; whoever wants the same order twice puts a seeded one here.
        self.random = random.Random()
        self._next_uid = 0
        # Kept by addition and subtraction as CyTube does: an item that a bad move loses stays counted.
        self._count = 0
        self._seconds = 0

    @property
    def current(self) -> Item | None:
        return self.playback.item

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "queue": self._queue,
            "delete": self._delete,
            "moveMedia": self._move,
            "jumpTo": self._jump,
            "playNext": self._play_next,
            "setTemp": self._set_temp,
            "shufflePlaylist": self._shuffle,
            "clearPlaylist": self._clear,
            "togglePlaylistLock": self._toggle_lock,
            "assignLeader": self._assign_leader,
            "mediaUpdate": self._leader_update,
            "requestPlaylist": self._request,
            "playerReady": lambda member, _: self.playback.show(member),
            "searchMedia": self._search,
            **self.saved.handlers(),
        }

    # People come and go.

    def welcome(self, member: Member) -> None:
        self.send_list(member)
        if member.registered:
            # CyTube sends the list once more when it learns the channel rank of an account.
            self.send_list(member)
        self.playback.show(member)

    def depart(self, member: Member) -> None:
        if member is self.leader:
            self.leader = None
            member.leads = False
            self.room.broadcast("setLeader", "")
            self.playback.resume()

    def load(self) -> None:
        current, at = self.current, self.playback.current_time
        self._renumber()
        self._count = len(self.items)
        self._seconds = sum(item.media.seconds for item in self.items)
        if current is not None:
            self.playback.start(current, at=max(at, 0) or None)

    def unload(self) -> None:
        self.playback.suspend()
        self._next_uid = 0

    def send_list(self, member: Member) -> None:
        """`setPlaylistMeta`, and for those who may see it the list and which item is current."""
        member.send("setPlaylistMeta", self._totals())
        if self.room.permissions.allows(member, "seeplaylist"):
            member.send("playlist", [item.as_json() for item in self.items])
            if self.current is not None:
                member.send("setCurrent", self.current.uid)

    # Acts without a check of rights: for the handlers below, chat commands, and virtual users.

    def add(self, media: Media, queueby: str, *, temp: bool, as_next: bool = False) -> Item:
        """Put an item on the list, and play it if nothing else does. Returns it."""
        item = Item(self._take_uid(), media, temp, queueby)
        self._insert(item, as_next=as_next)
        if self.current is None:
            self.playback.start(self.items[0])
        return item

    def add_all(self, media: Iterable[Media], queueby: str, *, temp: bool, as_next: bool = False) -> None:
        """Put several items on the list; if nothing plays, the first of the list does when all are there."""
        for each in media:
            self._insert(Item(self._take_uid(), each, temp, queueby), as_next=as_next)
        if self.current is None and self.items:
            self.playback.start(self.items[0])

    def remove(self, uid: int) -> bool:
        """Take an item off the list; the next one plays if it was current. Whether there was one."""
        index = self._index(uid)
        if index is None:
            return False
        item = self.items[index]
        self._take_off(item)
        if item is self.current:
            if self.items:
                self.playback.start(self.items[index % len(self.items)])
            else:
                self.playback.stop()
        return True

    def play_next(self) -> None:
        """End the current item: temporary ones leave the list, and the list begins anew after its last."""
        current = self.current
        if current is None:
            return
        if current.temp:
            self.remove(current.uid)
            return
        index = self._index(current.uid)
        self.playback.start(self.items[(0 if index is None else index + 1) % len(self.items)])

    def jump(self, uid: int) -> bool:
        """Play an item now. Whether there is one of that uid."""
        index = self._index(uid)
        if index is None:
            return False
        target, old = self.items[index], self.current
        if old is not None and old.temp and old is not target:
            self._take_off(old)
        self.playback.start(target)
        return True

    def delete_matching(self, pattern: re.Pattern[str], *, by_title: bool) -> None:
        for item in list(self.items):
            if pattern.search(item.media.title if by_title else item.queueby):
                self.remove(item.uid)

    def clear(self) -> None:
        self.items.clear()
        self._count = self._seconds = 0
        self.playback.stop()
        self.room.broadcast("playlist", [])
        self._broadcast_totals()

    # Requests of members.

    def request(self, member: Member, data: dict[str, Any]) -> None:
        """A member asks for an item to be added: {id, type, pos, temp?, title?, duration?}."""
        media_id, media_type, position = data["id"], data["type"], data["pos"]
        if not isinstance(media_id, str) or not media_id or position not in ("next", "end"):
            return
        allows = self.room.permissions.allows_playlist
        if not allows(member, "playlistadd") or (position == "next" and not allows(member, "playlistnext")):
            return
        refusal = self._type_refusal(member, media_type)
        if refusal is None:
            rate = QUEUE_MODERATOR if member.rank >= MODERATOR_RANK or member.leads else QUEUE_USER
            if not member.queue_throttle.accept(self.room.now(), rate):
                refusal = "You are adding videos too quickly"
        if refusal is not None:
            self._fail(member, refusal, media_type, media_id)
            return
        title = data.get("title") if isinstance(data.get("title"), str) else None
        try:
            media = self.room.library.look_up(media_type, media_id, title, _seconds(data.get("duration")))
            self._check_limits(member, media)
            self._admit(member, media, temp=bool(data.get("temp")), as_next=position == "next")
        except MediaUnavailable as reason:
            self._fail(member, str(reason), media_type, media_id)

    def _type_refusal(self, member: Member, media_type: str) -> str | None:
        allows = self.room.permissions.allows
        what = None
        if media_type == "yp" and not self.room.permissions.allows_playlist(member, "playlistaddlist"):
            what = "playlists"
        elif media_type in LIVE_TYPES and not allows(member, "playlistaddlive"):
            what = "live media"
        elif media_type == "cu" and not allows(member, "playlistaddcustom"):
            what = "custom embeds"
        elif media_type in ("fi", "cm") and not allows(member, "playlistaddrawfile"):
            what = "raw video files"
        return what and f"You don't have permission to add {what}"

    def _check_limits(self, member: Member, media: Media) -> None:
        allows, options = self.room.permissions.allows, self.room.options
        longest = options["maxlength"]
        if longest and not allows(member, "exceedmaxlength") and media.seconds > longest:
            raise MediaUnavailable(f"Video exceeds the maximum length set by the channel admin: {longest} seconds")
        own = [item for item in self.items if item.queueby.lower() == member.key]
        most = options["playlist_max_per_user"]
        if most and not allows(member, "exceedmaxitems") and len(own) >= most:
            raise MediaUnavailable("Channel limit exceeded: maximum number of videos per user")
        total = options["playlist_max_duration_per_user"]
        wanted = sum(item.media.seconds for item in own) + media.seconds
        if total and not allows(member, "exceedmaxdurationperuser") and wanted > total:
            raise MediaUnavailable("Channel limit exceeded: maximum total playlist time per user")
        if len(self.items) >= MAX_ITEMS:
            raise MediaUnavailable("Playlist limit reached (4000)")

    def _admit(self, member: Member, media: Media, *, temp: bool, as_next: bool) -> None:
        temp = temp or not self.room.permissions.allows(member, "addnontemp")
        if not self.room.options["allow_dupes"]:
            known = next((item for item in self.items if item.media.id == media.id), None)
            if known is not None:
                if not as_next or known is self.current:
                    raise MediaUnavailable("This item is already on the playlist")
                temp = known.temp
                self.remove(known.uid)
        self.add(media, member.name, temp=temp, as_next=as_next)

    def _fail(self, member: Member, message: str, media_type: str, media_id: str) -> None:
        member.send("queueFail", {"msg": message, "link": link_of(media_type, media_id), "id": media_id})

    # Handlers of frames.

    def _queue(self, member: Member, data: Any) -> None:
        self.request(member, data)

    def _delete(self, member: Member, data: Any) -> None:
        if self._is_uid(data) and self.room.permissions.allows_playlist(member, "playlistdelete"):
            self.remove(data)

    def _jump(self, member: Member, data: Any) -> None:
        if self._is_uid(data) and self.room.permissions.allows_playlist(member, "playlistjump"):
            self.jump(data)

    def _play_next(self, member: Member, _data: Any) -> None:
        if self.room.permissions.allows_playlist(member, "playlistjump"):
            self.play_next()

    def _move(self, member: Member, data: Any) -> None:
        if not self.room.permissions.allows_playlist(member, "playlistmove"):
            return
        index = self._index(data["from"])
        if index is None:
            return
        after = data["after"]
        item = self.items.pop(index)
        if after == "prepend":
            place: int | None = 0
        elif after == "append":
            place = len(self.items)
        else:
            behind = self._index(after)
            place = None if behind is None else behind + 1
        if place is None:
            # The item is lost on the server and nobody is told (PROTOCOL section 8, moveMedia).
            return
        self.items.insert(place, item)
        self.room.broadcast("moveVideo", {"from": item.uid, "after": after})

    def _set_temp(self, member: Member, data: Any) -> None:
        index = self._index(data["uid"])
        if index is None or not self.room.permissions.allows(member, "settemp"):
            return
        self.items[index].temp = data["temp"]
        self.room.broadcast("setTemp", {"uid": data["uid"], "temp": data["temp"]})

    def _shuffle(self, member: Member, _data: Any) -> None:
        if not self.room.permissions.allows(member, "playlistshuffle"):
            return
        current, at = self.current, self.playback.current_time
        others = [item for item in self.items if item is not current]
        self.random.shuffle(others)
        self.items = others
        self._renumber()
        if current is not None:
            current.uid = self._take_uid()
            self.items.insert(0, current)
        self._broadcast_to_viewers("playlist", [item.as_json() for item in self.items])
        if current is not None:
            self.playback.start(current, at=max(at, 0) or None)

    def _clear(self, member: Member, _data: Any) -> None:
        if self.room.permissions.allows(member, "playlistclear"):
            self.clear()

    def _toggle_lock(self, member: Member, _data: Any) -> None:
        permissions = self.room.permissions
        if permissions.allows(member, "playlistlock"):
            permissions.playlist_open = not permissions.playlist_open
            self.room.broadcast("setPlaylistLocked", not permissions.playlist_open)

    def _assign_leader(self, member: Member, data: Any) -> None:
        room = self.room
        if not room.permissions.allows(member, "leaderctl"):
            room.kick(member, "Attempted assignLeader without sufficient permission")
            return
        name = data["name"]
        self._depose()
        if not name:
            room.broadcast("setLeader", "")
            self.playback.resume()
            return
        # Unlike everywhere else the spelling must be exact (PROTOCOL section 7).
        leader = next((each for each in room.members if each.name == name), None)
        if leader is None:
            member.send("errorMsg", {"msg": f"Unable to assign leader: could not find user {name}"})
            return
        self.leader, leader.leads = leader, True
        if leader.rank != leader.base_rank:
            leader.send_rank()
        room.broadcast("setLeader", name)
        room.broadcast_rank(leader)
        self.playback.hold()

    def _depose(self) -> None:
        old, self.leader = self.leader, None
        if old is None:
            return
        lifted = old.rank != old.base_rank
        old.leads = False
        if lifted:
            old.send_rank()
            self.room.broadcast_rank(old)

    def _leader_update(self, member: Member, data: Any) -> None:
        current = self.current
        if member is not self.leader or current is None or current.media.id != data["id"]:
            return
        if current.media.type not in LIVE_TYPES:
            self.playback.follow(data["currentTime"], bool(data.get("paused")))

    def _request(self, member: Member, _data: Any) -> None:
        now = self.room.now()
        if now - member.playlist_requested_at < REQUEST_SECONDS:
            message = "Get Playlist URLs is limited to 1 usage every 60 seconds.  Please try again later."
            member.send("errorMsg", {"msg": message, "code": "REQ_PLAYLIST_LIMIT_REACHED"})
            return
        member.playlist_requested_at = now
        self.send_list(member)

    def _search(self, member: Member, data: Any) -> None:
        member.send("searchResults", {"source": data.get("source", "library"), "results": []})

    # The list itself.

    def _insert(self, item: Item, *, as_next: bool) -> None:
        current = self.current
        index = None if current is None else self._index(current.uid)
        place = index + 1 if as_next and index is not None else (0 if as_next else len(self.items))
        self.items.insert(place, item)
        self._count += 1
        self._seconds += item.media.seconds
        after: int | str = self.items[place - 1].uid if place else "prepend"
        self._broadcast_to_viewers("queue", {"item": item.as_json(), "after": after})
        self._broadcast_totals()

    def _take_off(self, item: Item) -> None:
        self.items.remove(item)
        self._count -= 1
        self._seconds -= item.media.seconds
        self._broadcast_to_viewers("delete", {"uid": item.uid})
        self._broadcast_totals()

    def _index(self, uid: object) -> int | None:
        return next((index for index, item in enumerate(self.items) if item.uid == uid), None)

    def _take_uid(self) -> int:
        self._next_uid += 1
        return self._next_uid - 1

    def _renumber(self) -> None:
        for item in self.items:
            item.uid = self._take_uid()

    def _totals(self) -> dict[str, Any]:
        return {"count": self._count, "rawTime": self._seconds, "time": clock_time(self._seconds)}

    def _broadcast_totals(self) -> None:
        self.room.broadcast("setPlaylistMeta", self._totals())

    def _broadcast_to_viewers(self, event: str, *args: Any) -> None:
        frame = Frame(event, *args)
        for member in self.room.audience:
            if self.room.permissions.allows(member, "seeplaylist"):
                member.deliver(frame)
        for witness in self.room.witnesses:
            witness.heard(self.room, frame)

    @staticmethod
    def _is_uid(data: object) -> bool:
        return isinstance(data, int | float) and not isinstance(data, bool)


def _seconds(value: object) -> int:
    """The duration of a request in whole seconds; 0 where there is none that makes sense."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return 0
    try:
        seconds = float(value)
    except ValueError:
        return 0
    return int(seconds) if math.isfinite(seconds) and seconds > 0 else 0
