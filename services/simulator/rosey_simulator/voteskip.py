"""Votes to end what plays (PROTOCOL section 8, "Voteskip")."""

from __future__ import annotations

import math
from collections.abc import Mapping

from rosey_simulator.feature import Feature, Handler
from rosey_simulator.frames import Frame
from rosey_simulator.member import Member, wire_number


class Voteskip(Feature):
    """One vote for each address, until enough have voted or another item plays."""

    _votes: set[str] | None = None

    def handlers(self) -> Mapping[str, Handler]:
        return {"voteskip": lambda member, _: self.vote(member)}

    def vote(self, member: Member) -> None:
        room = self.room
        if not room.options["allow_voteskip"] or not room.permissions.allows(member, "voteskip"):
            return
        if self._votes is None:
            self._votes = set()
        if member.address in self._votes:
            return
        self._votes.add(member.address)
        room.set_afk(member, False)
        self.update()

    def withdraw(self, member: Member) -> None:
        """A voter goes, or goes AFK."""
        if self._votes is not None:
            self._votes.discard(member.address)

    def depart(self, member: Member) -> None:
        self.withdraw(member)
        self.update()

    def media_changed(self) -> None:
        self._reset()

    def unload(self) -> None:
        self._votes = None

    def update(self) -> None:
        """Count anew, and skip if the votes suffice."""
        room = self.room
        if self._votes is None or not room.options["allow_voteskip"] or not room.playlist.items:
            return
        total = len(room.members)
        allowed = [each for each in room.members if room.permissions.allows(each, "voteskip")]
        eligible = sum(1 for each in allowed if not each.afk)
        ratio = room.options["voteskip_ratio"]
        need = max(1, math.ceil(eligible * ratio))
        count = len(self._votes)
        if count < need:
            self._show(count, need)
            return
        text = (
            f"Voteskip passed: {count}/{total} skipped; eligible voters: {eligible} = total ({total}) - "
            f"AFK ({len(allowed) - eligible}) - no permission ({total - len(allowed)}); ratio = {wire_number(ratio)}"
        )
        room.announce("[voteskip]", text)
        self._reset()
        room.playlist.play_next()

    def _reset(self) -> None:
        self._votes = None
        self._show(0, 0)

    def _show(self, count: int, need: int) -> None:
        frame = Frame("voteskip", {"count": count, "need": need})
        for member in self.room.audience:
            if self.room.permissions.allows(member, "viewvoteskip"):
                member.deliver(frame)
