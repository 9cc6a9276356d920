"""Channel ranks: who has which, and who may change them (PROTOCOL section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rosey_simulator.accounts import VALID_NAME
from rosey_simulator.feature import Feature, Handler
from rosey_simulator.member import Member, wire_number

if TYPE_CHECKING:
    from rosey_simulator.room import Room

ADMIN_RANK = 3.0
OWNER_RANK = 4.0


class Ranks(Feature):
    """The ranks that a room keeps for accounts."""

    def __init__(self, room: Room) -> None:
        super().__init__(room)
        self.stored: dict[str, tuple[str, float]] = {}

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "setChannelRank": lambda member, data: self.change(member, data["name"], data["rank"]),
            "requestChannelRanks": self._send_ranks,
        }

    def of(self, name: str) -> float:
        """The stored channel rank of an account, 1 where there is none."""
        return self.stored.get(name.lower(), (name, 1.0))[1]

    def store(self, name: str, rank: float) -> None:
        if rank <= 1:
            self.stored.pop(name.lower(), None)
        else:
            self.stored[name.lower()] = (name, rank)

    def change(self, member: Member, name: str, rank: float) -> None:
        """A member gives somebody a rank; below rank 3 this is met with silence."""
        room = self.room
        if member.rank < ADMIN_RANK:
            return
        if not VALID_NAME.fullmatch(name):
            member.send("channelRankFail", {"msg": f"Invalid target name {name}"})
            return
        if name.lower() == member.key:
            self._refuse(member, "You can't promote or demote yourself.")
            return
        owner_may = member.rank == OWNER_RANK
        if rank < 1 or (rank >= member.rank and not (owner_may and rank == OWNER_RANK)):
            self._refuse(
                member,
                "You can't promote someone to a rank equal or higher than yourself, or demote them to below rank 1.",
            )
            return
        target = room.member(name)
        held = target.rank if target is not None else room.rank_of(name)
        if held >= member.rank and not (owner_may and held == OWNER_RANK):
            message = "You can't promote or demote someone who has equal or higher rank than yourself"
            self._refuse(member, message)
            return
        if target is not None:
            self._change_present(member, target, rank)
            return
        self.store(name, rank)
        frame = {"name": name, "rank": wire_number(rank), "userrank": wire_number(member.rank)}
        room.broadcast("setUserRank", frame)
        room.whisper(f"{member.name} set {name}'s rank to {wire_number(rank)}")

    def _change_present(self, member: Member, target: Member, rank: float) -> None:
        room = self.room
        before = target.rank
        target.channel_rank = rank
        room.resend_userlist(target, before)
        target.send_rank()
        room.broadcast("setUserRank", {"name": target.name, "rank": wire_number(target.rank)})
        if target.registered:
            self.store(target.name, rank)
            return
        message = (
            "The user you promoted is not a registered account.  "
            "Any rank changes are temporary and not stored in the database."
        )
        member.send("channelRankFail", {"msg": message})

    def _refuse(self, member: Member, message: str) -> None:
        member.send("channelRankFail", {"msg": f"Updating user rank failed: {message}"})

    def _send_ranks(self, member: Member, _data: Any) -> None:
        if member.rank >= ADMIN_RANK:
            rows = sorted(self.stored.values(), key=lambda row: -row[1])
            member.send(
                "channelRanks",
                [{"name": name, "rank": wire_number(rank), "channel": self.room.name} for name, rank in rows],
            )
