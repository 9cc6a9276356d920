"""Everything of a CyTube site that lasts: accounts, rooms, media and the clock."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

from rosey_simulator.accounts import Account, Accounts
from rosey_simulator.limits import Limits
from rosey_simulator.playlist.media import Media, MediaLibrary
from rosey_simulator.room import Room
from rosey_simulator.scheduler import Scheduler

CHANNEL_NAME = re.compile(r"[A-Za-z0-9_-]{1,30}")
FOUNDER_RANK = 5.0


class Site:
    """The state of one simulated site, without any transport."""

    def __init__(self, clock: Callable[[], float] = time.time, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.scheduler = Scheduler(clock)
        self.accounts = Accounts()
        self.library = MediaLibrary()
        self._rooms: dict[str, Room] = {}
        self._guest_logins: dict[str, float] = {}

    @property
    def rooms(self) -> list[Room]:
        return list(self._rooms.values())

    def add_account(self, name: str, password: str, global_rank: float = 1.0) -> Account:
        """Register an account. Raises ValueError for a name that is none."""
        return self.accounts.add(name, password, global_rank, created_at=self.scheduler.clock())

    def add_channel(self, name: str, *, password: str | None = None, owner: str | None = None) -> Room:
        """Register a channel; `owner` becomes its founder. Raises ValueError for a name that is none."""
        if not CHANNEL_NAME.fullmatch(name):
            raise ValueError(f"not a channel name: {name!r}")
        room = self._new_room(name, registered=True)
        if password:
            room.options.values["password"] = password
        if owner is not None:
            room.ranks.store(owner, FOUNDER_RANK)
        return room

    def add_media(self, media: Media) -> None:
        """Make an item known that a real site would look up in the network."""
        self.library.add(media)

    def channel(self, name: str) -> Room | None:
        """The room of that name, in any spelling, if there is one now."""
        return self._rooms.get(name.lower())

    def open_channel(self, name: str) -> Room:
        """The room of that name; one that nobody registered comes into being (PROTOCOL section 2)."""
        return self.channel(name) or self._new_room(name, registered=False)

    def set_profile(self, name: str, image: str, text: str) -> None:
        """An account edits its profile on the web site. Raises KeyError for an unknown account."""
        account = self.accounts.get(name)
        if account is None:
            raise KeyError(name)
        account.profile = {"image": image, "text": text}
        for room in self.rooms:
            member = room.member(name)
            if member is not None:
                member.profile = account.profile
                room.broadcast("setUserProfile", {"name": member.name, "profile": account.profile})

    def may_log_in_as_guest(self, address: str) -> bool:
        """Whether the address has waited long enough since its last guest login."""
        last = self._guest_logins.get(address, float("-inf"))
        return self.scheduler.clock() - last >= self.limits.guest_login_seconds

    def guest_logged_in(self, address: str) -> None:
        self._guest_logins[address] = self.scheduler.clock()

    def unload(self) -> None:
        """What a restart does: everybody is gone, what is stored stays."""
        for room in self.rooms:
            room.unload()

    def _new_room(self, name: str, *, registered: bool) -> Room:
        room = Room(
            name,
            scheduler=self.scheduler,
            accounts=self.accounts,
            library=self.library,
            limits=self.limits,
            registered=registered,
            emptied=None if registered else self._forget,
        )
        self._rooms[name.lower()] = room
        return room

    def _forget(self, room: Room) -> None:
        self._rooms.pop(room.name.lower(), None)
