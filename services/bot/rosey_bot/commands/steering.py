"""What the bot has in hand in a channel between two commands: the votes as they stand, and leadership of playback.

CyTube's leader decides where a medium stands, and while there is one CyTube itself neither counts nor goes on to the
next medium (PROTOCOL.md 8). So the bot leads only as long as it pauses, and gives leadership back when playback goes
on, by whatever means.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from rosey_bot.commands.answers import CommandError
from rosey_bot.commands.rights import require_told
from rosey_bot.cytube import frames
from rosey_bot.cytube.acts import AssignLeader
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.sending import Outcome, Receipt, SendQueue
from rosey_bot.room.room import Room

log = logging.getLogger(__name__)


class Steering:
    """One channel's.

    Args:
        room: the channel now.
        sending: asks CyTube.

    Attributes:
        votes: for skipping what plays, as CyTube last told.
        afk: held while AFK is turned into its contrary: two at once would undo each other.
        playback: held while playback is paused or goes on.
    """

    votes: frames.Votes | None

    def __init__(self, room: Room, sending: SendQueue) -> None:
        self._room: Final = room
        self._sending: Final = sending
        self._led_before: str | None = None
        self._returning: asyncio.Task[Receipt] | None = None
        self.votes = None
        self.afk: Final = asyncio.Lock()
        self.playback: Final = asyncio.Lock()

    def follow(self, dispatcher: Dispatcher) -> None:
        """Take the channel's frames from ``dispatcher``."""
        dispatcher.on(frames.VOTESKIP, self._votes)
        dispatcher.on(frames.SET_LEADER, self._leader)
        dispatcher.on(frames.CHANGE_MEDIA, self._change_media)

    async def close(self) -> None:
        """Stop what is under way."""
        if self._returning is not None:
            self._returning.cancel()
            await asyncio.gather(self._returning, return_exceptions=True)

    @property
    def leads(self) -> bool:
        """Whether the bot leads playback."""
        return self._room.users.leader != "" and self._room.is_me(self._room.users.leader)

    @property
    def heir(self) -> str:
        """Who gets leadership back: who had it before, if still here, else nobody (empty)."""
        user = self._room.users.get(self._led_before or "")
        return "" if user is None or self._room.is_me(user.name) else user.name

    async def take_lead(self) -> Receipt:
        """Make the bot the leader."""
        before = self._room.users.leader
        receipt = await self._assign(self._room.own_name or "")
        if self.leads:
            self._led_before = before
        return receipt

    async def return_lead(self) -> Receipt:
        """Give leadership back."""
        return await self._assign(self.heir)

    async def _assign(self, name: str) -> Receipt:
        # The right may have gone since the bot took the lead, and without it this would get the bot kicked.
        try:
            require_told(self._room, "leaderctl", "to assign leadership of playback")
        except CommandError as error:
            return Receipt(Outcome.NOT_SENT, str(error))
        return await self._sending.ask(AssignLeader(name))

    def _votes(self, votes: frames.Votes) -> None:
        self.votes = votes

    def _leader(self, name: str) -> None:
        if not self.leads:
            self._led_before = None

    def _change_media(self, _: frames.ChangeMedia) -> None:
        self.votes = None
        # Another medium plays: the pause is over, and without CyTube's own clock this one would never end.
        if self.leads and self._led_before is not None and (self._returning is None or self._returning.done()):
            log.info("%s: another medium plays, so the bot leads no more", self._room.name)
            self._returning = asyncio.create_task(self.return_lead(), name="return-lead")
