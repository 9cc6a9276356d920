"""Kicks, bans and mutes (PROTOCOL sections 5 and 10)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rosey_simulator.accounts import VALID_NAME
from rosey_simulator.addresses import masked
from rosey_simulator.feature import Feature, Handler
from rosey_simulator.member import Member

if TYPE_CHECKING:
    from rosey_simulator.room import Room

BANNED = "You are banned from this channel."


@dataclass(frozen=True)
class Ban:
    """A ban of a name, and of an address too unless that is "*"."""

    number: int
    address: str
    name: str
    reason: str
    banned_by: str

    def as_json(self) -> dict[str, Any]:
        shown = self.address if self.address == "*" else masked(self.address)
        return {
            "id": self.number,
            "ip": shown,
            "name": self.name,
            "reason": self.reason,
            "bannedby": self.banned_by,
        }


class Moderation(Feature):
    """Who may be in a room, and who may be heard there."""

    def __init__(self, room: Room) -> None:
        super().__init__(room)
        self.bans: list[Ban] = []
        self._numbers = itertools.count(1)
        # Names in lower case; the value says whether it is a shadow mute. Both outlive a reconnect.
        self._mutes: dict[str, bool] = {}

    def handlers(self) -> Mapping[str, Handler]:
        return {"requestBanlist": self._send_bans, "unban": self._unban}

    def address_banned(self, member: Member) -> bool:
        return any(ban.address == member.address for ban in self.bans)

    def name_banned(self, member: Member) -> bool:
        return bool(member.name) and any(ban.address == "*" and ban.name == member.key for ban in self.bans)

    def apply_mute(self, member: Member) -> None:
        """A muted name has come back."""
        shadow = self._mutes.get(member.key)
        if shadow is not None:
            member.muted, member.shadow_muted = True, shadow
            self._show_mute(member)

    def kick(self, member: Member, rest: str) -> None:
        """/kick: an absent name and a missing permission are met with silence."""
        room = self.room
        if not room.permissions.allows(member, "kick"):
            return
        name, _, reason = rest.strip().partition(" ")
        if not name:
            message = "No kick target specified.  If you're trying to kick anonymous users, use /kickanons"
            member.send("errorMsg", {"msg": message})
            return
        target = room.member(name)
        if target is None:
            return
        if target.rank >= member.rank:
            member.send("errorMsg", {"msg": f"You do not have permission to kick {target.name}"})
            return
        room.kick(target, reason)
        room.whisper(f"{member.name} kicked {target.name}")

    def kick_anonymous(self, member: Member) -> None:
        if not self.room.permissions.allows(member, "kick"):
            return
        for each in [each for each in self.room.members if not each.name]:
            self.room.kick(each, "anonymous user")
        self.room.whisper(f"{member.name} kicked anonymous users")

    def ban_name(self, member: Member, rest: str) -> None:
        name, _, reason = rest.strip().partition(" ")
        if self._may_ban(member, name):
            self._add_ban(member, "*", name.lower(), reason)

    def ban_address(self, member: Member, rest: str) -> None:
        """/ipban bans the address and the name."""
        name, _, reason = rest.strip().partition(" ")
        if not self._may_ban(member, name):
            return
        target = self.room.member(name)
        address = target.address if target is not None else self.room.last_address(name)
        if address is not None:
            self._add_ban(member, address, name.lower(), reason)
        self._add_ban(member, "*", name.lower(), reason)

    def mute(self, member: Member, rest: str, *, shadow: bool) -> None:
        room = self.room
        if not room.permissions.allows(member, "mute"):
            return
        command = "smute" if shadow else "mute"
        name = rest.strip().partition(" ")[0]
        if not name:
            member.send("errorMsg", {"msg": f"/{command} requires a target name"})
            return
        target = room.member(name)
        if target is None:
            member.send("errorMsg", {"msg": f"/{command} target {name.lower()} not present in channel."})
            return
        if target.rank >= member.rank:
            message = f"/{command} failed - {target.name} has equal or higher rank than you."
            member.send("errorMsg", {"msg": message})
            return
        self._mutes[target.key] = shadow
        target.muted, target.shadow_muted = True, shadow
        self._show_mute(target)
        room.whisper(f"{member.name} {'shadow' if shadow else ''}muted {target.name}")

    def unmute(self, member: Member, rest: str) -> None:
        room = self.room
        if not room.permissions.allows(member, "mute"):
            return
        name = rest.strip().partition(" ")[0].lower()
        if not name:
            member.send("errorMsg", {"msg": "/unmute requires a target name"})
            return
        if self._mutes.pop(name, None) is None:
            member.send("errorMsg", {"msg": f"{name} is not muted."})
            return
        room.whisper(f"{member.name} unmuted {name}")
        target = room.member(name)
        if target is not None:
            target.muted = target.shadow_muted = False
            room.send_meta(target)

    def _show_mute(self, member: Member) -> None:
        if member.shadow_muted:
            self.room.send_meta_to_moderators(member)
        else:
            self.room.send_meta(member)

    def _may_ban(self, member: Member, name: str) -> bool:
        room = self.room
        if not room.permissions.allows(member, "ban"):
            member.send("errorMsg", {"msg": "You do not have ban permissions on this channel"})
            return False
        if not name:
            member.send("errorMsg", {"msg": "No ban target specified."})
            return False
        if not VALID_NAME.fullmatch(name):
            member.send("errorMsg", {"msg": "Invalid username"})
            return False
        if name.lower() == member.key:
            member.send("costanza", {"msg": "You can't ban yourself"})
            member.send("errorMsg", {"msg": "You cannot ban yourself"})
            return False
        if room.rank_of(name) >= member.rank:
            member.send("errorMsg", {"msg": f"You don't have permission to ban {name.lower()}"})
            return False
        if any(ban.address == "*" and ban.name == name.lower() for ban in self.bans):
            member.send("errorMsg", {"msg": f"{name.lower()} is already banned"})
            return False
        return True

    def _add_ban(self, member: Member, address: str, name: str, reason: str) -> None:
        room = self.room
        self.bans.append(Ban(next(self._numbers), address, name, reason, member.name))
        if address == "*":
            room.whisper(f"{member.name} namebanned {name}")
            targets = [each for each in room.members if each.key == name]
        else:
            room.whisper(f"{member.name} banned {masked(address)} ({name})")
            targets = [each for each in room.members if each.address == address]
        for target in targets:
            room.kick(target, "You're banned!")

    def _send_bans(self, member: Member, _data: Any) -> None:
        if self.room.permissions.allows(member, "ban"):
            member.send("banlist", [ban.as_json() for ban in self.bans])

    def _unban(self, member: Member, data: Any) -> None:
        room = self.room
        if not room.permissions.allows(member, "ban"):
            return
        self.bans = [ban for ban in self.bans if ban.number != data["id"]]
        for each in room.audience:
            if room.permissions.allows(each, "ban"):
                each.send("banlistRemove", {"id": data["id"], "name": data["name"]})
        room.whisper(f"{member.name} unbanned {data['name']}")
