"""A site with one room, a clock that stands still, and a record of what happens there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rosey_simulator.crowd.clock import ManualClock
from rosey_simulator.crowd.record import Record
from rosey_simulator.frames import Frame
from rosey_simulator.member import Member
from rosey_simulator.room import Room
from rosey_simulator.site import Site


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def site(clock: ManualClock) -> Site:
    return Site(clock)


@pytest.fixture
def room(site: Site) -> Room:
    room = site.add_channel("demo")
    room.permissions.playlist_open = True
    return room


@pytest.fixture
def record(room: Room) -> Record:
    record = Record()
    record.watch(room)
    return record


@pytest.fixture
def pass_time(clock: ManualClock, site: Site) -> Callable[[float], None]:
    def pass_time(seconds: float) -> None:
        until = clock() + seconds
        while (due := site.scheduler.next_due) is not None and due <= until:
            clock.move_to(due)
            site.scheduler.run_due()
        clock.move_to(until)

    return pass_time


class Client:
    """Somebody in the room by hand; with a socket, all frames are kept."""

    def __init__(self, room: Room, name: str = "", *, rank: float = 0.0, has_socket: bool = False) -> None:
        self.room = room
        self.frames: list[Frame] = []
        self.member = Member(f"10.9.0.{id(self) % 251}", sink=self.frames.append if has_socket else None)
        if name:
            self.log_in(name, rank=rank)
        room.join(self.member)

    def log_in(self, name: str, *, rank: float = 0.0) -> None:
        self.member.become(name, registered=False, global_rank=rank)
        if self.member.room is not None:
            self.room.introduce(self.member)

    def say(self, text: str) -> None:
        self.room.handle(self.member, "chatMsg", [{"msg": text}])

    def send(self, event: str, *args: object) -> None:
        self.room.handle(self.member, event, list(args))

    def leave(self) -> None:
        self.room.leave(self.member)


@pytest.fixture
def enter(room: Room) -> Callable[..., Client]:
    """Somebody comes: ``enter("Bob")``, ``enter("Mod", rank=3)``, ``enter()`` without a name."""

    def enter(name: str = "", *, rank: float = 0.0, has_socket: bool = False) -> Client:
        return Client(room, name, rank=rank, has_socket=has_socket)

    return enter
