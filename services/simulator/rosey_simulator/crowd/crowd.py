"""The crowd itself: people without sockets who do in the rooms what was decided for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from rosey_simulator.crowd import script
from rosey_simulator.crowd.action import Action, Kind
from rosey_simulator.crowd.catalogue import Catalogue
from rosey_simulator.crowd.population import PASSWORD, Person, Population
from rosey_simulator.crowd.record import Record
from rosey_simulator.frames import Frame
from rosey_simulator.member import GUEST_RANK, Member
from rosey_simulator.playlist.playlist import Item
from rosey_simulator.room import Room
from rosey_simulator.site import Site

DEFAULT_BOT = "Rosey"
# What plays is left alone for so long: nobody votes on what has not begun, and CyTube's lead-in is 3 s.
PATIENCE_SECONDS = 4.0

Performer = Callable[[Room, Person, Mapping[str, Any]], bool]


class Crowd:
    """`users` people for each room, the same for the same seed.

    A moderator's private commands go to `bot`. Whoever was thrown out by something that the crowd did not plan, a
    restart of the server or a stranger's kick, comes back with what they do next.
    """

    def __init__(
        self,
        site: Site,
        rooms: Sequence[Room],
        record: Record,
        *,
        seed: int = 1,
        users: int = 30,
        rate: float = 5.0,
        bot: str = DEFAULT_BOT,
    ) -> None:
        self._site = site
        self._rooms = {room.name: room for room in rooms}
        self._record = record
        self._bot = bot
        self._catalogue = Catalogue(seed)
        self.population = Population(seed, list(self._rooms), users)
        self._script = script.actions(seed, self.population, rate, self._catalogue)
        self._members: dict[tuple[str, str], Member] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._performers: Mapping[Kind, Performer] = {
            Kind.COME: self._come,
            Kind.GO: self._go,
            Kind.SAY: self._say,
            Kind.QUEUE: self._queue,
            Kind.SKIP: self._skip,
            Kind.REMOVE: self._remove,
            Kind.MOVE: self._move,
            Kind.JUMP: self._jump,
            Kind.KEEP: self._keep,
            Kind.VOTE_SKIP: self._vote_skip,
            Kind.SHUFFLE: self._shuffle,
            Kind.CLEAR_PLAYLIST: self._clear_playlist,
            Kind.LOCK: self._lock,
            Kind.COMMAND: self._command,
        }
        self._settle_in(seed)

    def actions(self) -> Iterator[Action]:
        """What the crowd is going to do, without end. There is one course of it: whoever asks again goes on."""
        return self._script

    def perform(self, action: Action) -> bool:
        """Do it now. Whether it was possible: not all that people do has an effect, and the room decides on which."""
        room, person = self._rooms[action.room], action.person
        if action.kind is not Kind.COME and self._member(room, person) is None:
            self._come(room, person, {"name": self._names.get((room.name, person.id), ""), "late": False})
        member = self._members.get((room.name, person.id))
        done = self._performers[action.kind](room, person, action.detail)
        member = self._members.get((room.name, person.id), member)
        if member is not None:
            self._record.did(room, action.kind.value, action.detail, person=person.id, member=member, done=done)
        return done

    def _settle_in(self, seed: int) -> None:
        for media in self._catalogue.videos:
            self._site.add_media(media)
        for name, room in self._rooms.items():
            room.permissions.playlist_open = True
            room.playlist.random.seed(f"{seed}/shuffle/{name}")
            for person in self.population.rooms[name]:
                if person.account and self._site.accounts.get(person.id) is None:
                    self._site.add_account(person.spellings[0], PASSWORD)
                if person.is_moderator:
                    room.ranks.store(person.spellings[0], person.rank)
            self._record.watch(room)

    def _member(self, room: Room, person: Person) -> Member | None:
        member = self._members.get((room.name, person.id))
        return member if member is not None and member.room is room else None

    def _send(self, room: Room, person: Person, event: str, data: object = None) -> bool:
        member = self._member(room, person)
        if member is None:
            return False
        room.handle(member, event, [] if data is None else [data])
        return True

    # Coming, going and talking.

    def _come(self, room: Room, person: Person, detail: Mapping[str, Any]) -> bool:
        member, name = Member(person.address), detail["name"]
        self._names[room.name, person.id] = name
        late = detail["late"] and room.member(name) is None
        if name and not late:
            self._log_in(member, person, name)
        if not room.join(member):
            return False
        if late:
            self._log_in(member, person, name)
            room.introduce(member)
        self._members[room.name, person.id] = member
        return True

    def _log_in(self, member: Member, person: Person, name: str) -> None:
        account = self._site.accounts.get(name) if person.account else None
        if account is None:
            now = self._site.scheduler.clock()
            member.become(name, registered=False, global_rank=GUEST_RANK, created_at=now)
        else:
            member.become(account.name, registered=True, global_rank=account.global_rank, created_at=account.created_at)
        self._site.accounts.seen(member.address, member.name)
        member.aliases = self._site.accounts.aliases(member.address)

    def _go(self, room: Room, person: Person, _detail: Mapping[str, Any]) -> bool:
        member = self._members.pop((room.name, person.id), None)
        if member is None or member.room is not room:
            return False
        room.leave(member)
        return True

    def _say(self, room: Room, person: Person, detail: Mapping[str, Any]) -> bool:
        return self._send(room, person, "chatMsg", {"msg": detail["text"]})

    def _command(self, room: Room, person: Person, detail: Mapping[str, Any]) -> bool:
        """Whether the bot got it: CyTube echoes a private message to its sender then, and only then."""
        member = self._member(room, person)
        if member is None:
            return False
        echoes: list[Frame] = []
        member.sink = echoes.append
        room.handle(member, "pm", [{"to": self._bot, "msg": detail["text"]}])
        member.sink = None
        return any(frame.event == "pm" for frame in echoes)

    # The playlist.

    def _queue(self, room: Room, person: Person, detail: Mapping[str, Any]) -> bool:
        if not room.playlist.items and not self._is_patient(room):
            return False
        return self._send(room, person, "queue", dict(detail))

    def _skip(self, room: Room, person: Person, _detail: Mapping[str, Any]) -> bool:
        return self._is_patient(room) and self._send(room, person, "playNext")

    def _vote_skip(self, room: Room, person: Person, _detail: Mapping[str, Any]) -> bool:
        return self._is_patient(room) and self._send(room, person, "voteskip")

    def _remove(self, room: Room, person: Person, detail: Mapping[str, Any]) -> bool:
        item = _item_at(room, detail["place"])
        if item is None or (item is room.playlist.current and not self._is_patient(room)):
            return False
        return self._send(room, person, "delete", item.uid)

    def _jump(self, room: Room, person: Person, detail: Mapping[str, Any]) -> bool:
        item = _item_at(room, detail["place"])
        return item is not None and self._is_patient(room) and self._send(room, person, "jumpTo", item.uid)

    def _move(self, room: Room, person: Person, detail: Mapping[str, Any]) -> bool:
        item, target = _item_at(room, detail["place"]), _item_at(room, detail["to"])
        if item is None or target is None:
            return False
        after: int | str = target.uid
        if item is target:
            after = "prepend" if detail["to"] < detail["place"] else "append"
        return self._send(room, person, "moveMedia", {"from": item.uid, "after": after})

    def _keep(self, room: Room, person: Person, detail: Mapping[str, Any]) -> bool:
        item = _item_at(room, detail["place"])
        return item is not None and self._send(room, person, "setTemp", {"uid": item.uid, "temp": detail["temp"]})

    def _shuffle(self, room: Room, person: Person, _detail: Mapping[str, Any]) -> bool:
        return self._is_patient(room) and self._send(room, person, "shufflePlaylist")

    def _clear_playlist(self, room: Room, person: Person, _detail: Mapping[str, Any]) -> bool:
        return self._is_patient(room) and self._send(room, person, "clearPlaylist")

    def _lock(self, room: Room, person: Person, _detail: Mapping[str, Any]) -> bool:
        return self._send(room, person, "togglePlaylistLock")

    def _is_patient(self, room: Room) -> bool:
        return self._record.seconds_since_change(room) >= PATIENCE_SECONDS


def _item_at(room: Room, place: float) -> Item | None:
    items = room.playlist.items
    return items[int(place * len(items))] if items else None
