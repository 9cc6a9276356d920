"""One client's way through login and door, up to the frames that its room answers."""

from __future__ import annotations

from typing import Any

from rosey_simulator.accounts import Account, LoginRefused
from rosey_simulator.feature import Acknowledge
from rosey_simulator.member import GUEST_RANK, MODERATOR_RANK, Member, wire_number
from rosey_simulator.room import Room
from rosey_simulator.site import CHANNEL_NAME, Site


class Session:
    """A connected client (PROTOCOL sections 2 and 3). Frames that nobody answers vanish here, as they do there."""

    def __init__(self, site: Site, member: Member) -> None:
        self._site = site
        self.member = member
        self._join_asked = False
        self._logging_in = False
        self._closed = False
        # The room at whose door the client stands, and the password it brought along.
        self._door: Room | None = None
        self._waits_for = ""

    def open(self) -> None:
        """The first frame of every connection."""
        self.member.send("rank", wire_number(self.member.rank))

    def close(self) -> None:
        """The connection is gone."""
        self._closed = True
        self._door = None
        if self.member.room is not None:
            self.member.room.leave(self.member)

    def forsake(self) -> None:
        """The server goes down: nobody is told that the client leaves."""
        self._closed = True
        self._door = None
        self.member.sink = None

    def handle(self, event: str, args: list[Any], acknowledge: Acknowledge | None = None) -> None:
        """A frame of the client."""
        if self._closed:
            return
        data = args[0] if args else None
        if event == "login":
            self._login(data)
        elif event == "joinChannel":
            self._join(data)
        elif event == "channelPassword" and self._waits_for == "password":
            self._try_password(data)
        elif self.member.room is not None:
            self.member.room.handle(self.member, event, args, acknowledge)

    # The door.

    def _join(self, data: Any) -> None:
        if self._join_asked:
            return
        self._join_asked = True
        if not isinstance(data, dict) or not isinstance(data.get("name"), str):
            return
        name = data["name"]
        if not CHANNEL_NAME.fullmatch(name):
            message = (
                "Invalid channel name.  Channel names may consist of 1-30 characters in the set a-z, A-Z, 0-9, -, and _"
            )
            self.member.send("errorMsg", {"msg": message})
            self._put_out("Invalid channel name")
            return
        password = data.get("pw")
        self._later(self._site.limits.join_seconds, lambda: self._come_to_door(name, password))

    def _come_to_door(self, name: str, password: Any) -> None:
        room, member = self._site.open_channel(name), self.member
        if not room.admissible(member):
            self._closed = True
            return
        room.grant_rank(member)
        required = room.options["password"]
        if required and password != required and member.rank < MODERATOR_RANK:
            self._door, self._waits_for = room, "password"
            member.send("needPassword", isinstance(password, str))
        elif room.options["block_anonymous_users"] and not member.name:
            self._door, self._waits_for = room, "name"
            message = "This channel has blocked anonymous users. Please provide a user name to join."
            member.send("errorMsg", {"msg": message})
        else:
            self._enter(room)
            if required and member.rank >= MODERATOR_RANK:
                member.send("cancelNeedPassword")
            room.playlist.saved.send(member)

    def _try_password(self, password: Any) -> None:
        room = self._door
        if room is None or not isinstance(password, str):
            return
        if password != room.options["password"]:
            self.member.send("needPassword", True)
            return
        self.member.send("cancelNeedPassword")
        self._enter(room)
        room.playlist.saved.send(self.member)

    def _enter(self, room: Room) -> None:
        self._door, self._waits_for = None, ""
        room.admit(self.member)

    # Login.

    def _login(self, data: Any) -> None:
        if not isinstance(data, dict):
            self.member.send("errorMsg", {"msg": "Invalid login frame"})
            return
        name, password = data.get("name"), data.get("pw")
        if not isinstance(name, str) or self.member.name or self._logging_in:
            return
        self._logging_in = True
        limits = self._site.limits
        if isinstance(password, str) and password:
            self._later(limits.login_seconds, lambda: self._verify(name, password))
        else:
            self._later(limits.join_seconds, lambda: self._log_in_guest(name))

    def _verify(self, name: str, password: str) -> None:
        self._logging_in = False
        try:
            account = self._site.accounts.verify(name, password)
        except LoginRefused as reason:
            self._refuse(str(reason))
            return
        self._log_in_account(account)

    def _log_in_guest(self, name: str) -> None:
        self._logging_in = False
        member, site = self.member, self._site
        try:
            site.accounts.check_guest_name(name)
        except LoginRefused as reason:
            self._refuse(str(reason))
            return
        if not site.may_log_in_as_guest(member.address):
            seconds = wire_number(site.limits.guest_login_seconds)
            self._refuse(f"Guest logins are restricted to one per {seconds} seconds per IP address.")
            return
        if member.room is not None and member.room.member(name) is not None:
            self._refuse("That name is already in use on this channel.")
            return
        site.guest_logged_in(member.address)
        member.become(name, registered=False, global_rank=GUEST_RANK, created_at=site.scheduler.clock())
        self._logged_in({"success": True, "name": name, "guest": True})
        if member.room is not None:
            member.room.introduce(member)
        elif self._door is not None and self._waits_for == "name":
            self._enter(self._door)

    def _log_in_account(self, account: Account) -> None:
        member = self.member
        member.become(account.name, registered=True, global_rank=account.global_rank, created_at=account.created_at)
        member.profile = account.profile
        self._logged_in({"success": True, "name": account.name})
        room = self._door
        if member.room is not None:
            member.room.introduce(member)
        elif room is not None and room.ranks.of(member.name) >= MODERATOR_RANK:
            # Rank 2 opens the door; the room hears of the rank only now (PROTOCOL section 2, channel password).
            member.channel_rank = room.ranks.of(member.name)
            member.send_rank()
            waited_for = self._waits_for
            self._enter(room)
            if waited_for == "password":
                member.send("cancelNeedPassword")
            room.broadcast_rank(member)
            room.playlist.saved.send(member)
        elif room is not None:
            room.grant_rank(member)
            if self._waits_for == "name":
                self._enter(room)
                room.playlist.saved.send(member)

    def _logged_in(self, answer: dict[str, Any]) -> None:
        member = self.member
        self._site.accounts.seen(member.address, member.name)
        member.aliases = self._site.accounts.aliases(member.address)
        member.send("rank", wire_number(member.global_rank))
        member.send("login", answer)

    def _refuse(self, error: str) -> None:
        self.member.send("login", {"success": False, "error": error})

    def _put_out(self, reason: str) -> None:
        self._closed = True
        self.member.send("kick", {"reason": reason})
        if self.member.hang_up is not None:
            self.member.hang_up()

    def _later(self, seconds: float, action: Any) -> None:
        def unless_closed() -> None:
            if not self._closed:
                action()

        self._site.scheduler.call_later(seconds, unless_closed)
