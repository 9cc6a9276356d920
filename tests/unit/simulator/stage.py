"""A site without sockets, and people who note what they hear."""

from __future__ import annotations

from typing import Any

from rosey_simulator.frames import Frame
from rosey_simulator.limits import Limits
from rosey_simulator.member import Member
from rosey_simulator.room import Room
from rosey_simulator.session import Session
from rosey_simulator.site import Site

CHANNEL = "lobby"
START = 1_800_000_000.0


class Client:
    """A session whose frames are kept."""

    def __init__(self, site: Site, address: str) -> None:
        self.frames: list[Frame] = []
        self.hung_up = False
        self.member = Member(address, sink=self.frames.append, hang_up=self._hang_up)
        self.session = Session(site, self.member)
        self.session.open()

    def _hang_up(self) -> None:
        self.hung_up = True
        self.session.close()

    def send(self, event: str, *args: Any) -> None:
        self.session.handle(event, list(args))

    def say(self, text: str, **more: Any) -> None:
        self.send("chatMsg", {"msg": text, **more})

    @property
    def events(self) -> list[str]:
        return [frame.event for frame in self.frames]

    def heard(self, event: str) -> list[Any]:
        """The first argument of each frame of that kind."""
        return [frame.args[0] if frame.args else None for frame in self.frames if frame.event == event]

    def last(self, event: str) -> Any:
        return self.heard(event)[-1]

    def said(self) -> list[str]:
        """The chat lines heard."""
        return [line["msg"] for line in self.heard("chatMsg")]

    def forget(self) -> None:
        self.frames.clear()


class Stage:
    """A site on a clock that tests move, with one registered channel."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.now = START
        self.site = Site(lambda: self.now, limits)
        self.room: Room = self.site.add_channel(CHANNEL, owner="Founder")
        for name, rank in (("Founder", 5), ("Admin", 3), ("Mod", 2), ("User", 1), ("Other", 1)):
            self.site.add_account(name, "secret")
            self.room.ranks.store(name, rank)
        self._addresses = 0

    def tick(self, seconds: float = 0.0) -> None:
        """Let time pass, and all that is due in it happen at its moment."""
        end = self.now + seconds
        while (due := self.site.scheduler.next_due) is not None and due <= end:
            self.now = max(self.now, due)
            self.site.scheduler.run_due()
        self.now = end

    def connect(self, address: str | None = None) -> Client:
        self._addresses += 1
        return Client(self.site, address or f"10.0.0.{self._addresses}")

    def anonymous(self, channel: str = CHANNEL) -> Client:
        client = self.connect()
        client.send("joinChannel", {"name": channel})
        self.tick()
        return client

    def account(self, name: str, channel: str = CHANNEL) -> Client:
        """Join, then log in; what was heard until then is forgotten."""
        client = self.anonymous(channel)
        client.send("login", {"name": name, "pw": "secret"})
        self.tick()
        client.forget()
        return client

    def guest(self, name: str, channel: str = CHANNEL) -> Client:
        client = self.anonymous(channel)
        client.send("login", {"name": name})
        self.tick()
        client.forget()
        return client
