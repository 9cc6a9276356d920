"""The slash commands of public chat (PROTOCOL section 5, table)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rosey_simulator.member import LEADER_RANK, Member

if TYPE_CHECKING:
    from rosey_simulator.chat.conversation import Conversation
    from rosey_simulator.room import Room

Command = Callable[[Member, str, dict[str, Any]], None]

SITE_ADMIN_RANK = 255.0


class Commands:
    """Runs the first word of a line as a command, if it is one. Without the right to it the line is swallowed."""

    def __init__(self, room: Room, conversation: Conversation) -> None:
        self._room = room
        self._conversation = conversation
        moderation = room.moderation
        self._commands: dict[str, Command] = {
            "me": self._act,
            "sp": self._spoiler,
            "say": self._shout,
            "shout": self._shout,
            "rcv": self._shout,
            "a": self._flair,
            "afk": self._afk,
            "clear": self._clear,
            "kick": lambda member, rest, _: moderation.kick(member, rest),
            "kickanons": lambda member, _rest, _meta: moderation.kick_anonymous(member),
            "ban": lambda member, rest, _: moderation.ban_name(member, rest),
            "ipban": lambda member, rest, _: moderation.ban_address(member, rest),
            "banip": lambda member, rest, _: moderation.ban_address(member, rest),
            "mute": lambda member, rest, _: moderation.mute(member, rest, shadow=False),
            "smute": lambda member, rest, _: moderation.mute(member, rest, shadow=True),
            "unmute": lambda member, rest, _: moderation.unmute(member, rest),
            "rank": self._rank,
            "clean": lambda member, rest, _: self._clean(member, rest, by_title=False),
            "cleantitle": lambda member, rest, _: self._clean(member, rest, by_title=True),
            "poll": lambda member, rest, _: self._poll(member, rest, obscured=False),
            "hpoll": lambda member, rest, _: self._poll(member, rest, obscured=True),
        }

    def run(self, member: Member, command: str, rest: str, meta: dict[str, Any]) -> bool:
        """Whether the line was a command (and is done with)."""
        action = self._commands.get(command)
        if action is None:
            return False
        action(member, rest, meta)
        return True

    def _act(self, member: Member, rest: str, meta: dict[str, Any]) -> None:
        meta.update(addClass="action", action=True)
        self._conversation.utter(member, rest, meta)

    def _spoiler(self, member: Member, rest: str, meta: dict[str, Any]) -> None:
        meta["addClass"] = "spoiler"
        self._conversation.utter(member, rest, meta)

    def _shout(self, member: Member, rest: str, meta: dict[str, Any]) -> None:
        if member.rank < LEADER_RANK:
            return
        meta.update(addClass="shout", addClassToNameAndTimestamp=True, forceShowName=True)
        self._conversation.utter(member, rest, meta)

    def _flair(self, member: Member, rest: str, meta: dict[str, Any]) -> None:
        if member.global_rank < SITE_ADMIN_RANK:
            return
        meta["superadminflair"] = {"labelclass": "label-danger", "icon": "glyphicon-globe"}
        self._conversation.utter(member, rest, meta)

    def _afk(self, member: Member, _rest: str, _meta: dict[str, Any]) -> None:
        self._room.set_afk(member, not member.afk)

    def _clear(self, member: Member, _rest: str, _meta: dict[str, Any]) -> None:
        if self._room.permissions.allows(member, "chatclear"):
            self._conversation.clear(member)

    def _rank(self, member: Member, rest: str, _meta: dict[str, Any]) -> None:
        words = rest.split(" ")
        if len(words) != 2 or not re.fullmatch(r"\d+", words[1]) or int(words[1]) < 1:
            message = "Syntax: /rank <username> <rank>.  <rank> must be a positive integer > 1"
            member.send("noflood", {"action": "/rank", "msg": message})
            return
        self._room.ranks.change(member, words[0], int(words[1]))

    def _clean(self, member: Member, rest: str, *, by_title: bool) -> None:
        if not self._room.permissions.allows_playlist(member, "playlistdelete"):
            return
        flags = 0
        option = re.match(r"-([a-z]+) ", rest)
        if option:
            rest = rest[option.end() :]
            flags = re.IGNORECASE if "i" in option[1] else 0
        if not rest:
            return
        try:
            pattern = re.compile(rest, flags)
        except re.error as error:
            member.send("errorMsg", {"msg": f"Invalid regex: {str(error).partition(',')[0]}"})
            return
        self._room.playlist.delete_matching(pattern, by_title=by_title)

    def _poll(self, member: Member, rest: str, *, obscured: bool) -> None:
        if not self._room.permissions.allows(member, "pollctl"):
            return
        title, *options = rest.split(",")
        # The title keeps the blank behind the command, as the recordings show it.
        self._room.polls.open(member, " " + title, options, obscured=obscured)
