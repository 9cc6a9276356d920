"""Public chat: from a member's line to everybody's, and the last lines for whoever joins."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rosey_simulator.chat import markup
from rosey_simulator.chat.commands import Commands
from rosey_simulator.chat.filters import ChatFilters, default_filters
from rosey_simulator.feature import Feature, Handler
from rosey_simulator.frames import Frame
from rosey_simulator.member import MODERATOR_RANK, Member, wire_number
from rosey_simulator.throttle import CHAT

if TYPE_CHECKING:
    from rosey_simulator.room import Room

BUFFER_LINES = 15

_CONTROL_CHARACTERS = re.compile("[\x00-\x1f]+")
_DRINK = re.compile(r"/d(-?\d{1,5})?(?: (.*))?", re.DOTALL)


class Conversation(Feature):
    """The chat of one room (the pipeline is that of PROTOCOL section 5)."""

    def __init__(self, room: Room) -> None:
        super().__init__(room)
        self.buffer: deque[Frame] = deque(maxlen=BUFFER_LINES)
        self.filters = ChatFilters(default_filters() if room.registered else ())
        self.drinks = 0
        self._commands = Commands(room, self)

    def handlers(self) -> Mapping[str, Handler]:
        return {"chatMsg": self._chat_message, "pm": self._private_message}

    def welcome(self, member: Member) -> None:
        for frame in self.buffer:
            member.deliver(frame)
        member.send("drinkCount", self.drinks)

    def media_changed(self) -> None:
        self.set_drinks(0)

    def load(self) -> None:
        self.drinks = 0

    def say(self, member: Member, text: str, meta: dict[str, Any] | None = None) -> None:
        """A member sends a chat line; whatever keeps it from being said is told the member alone, or nobody."""
        room = self.room
        if not room.permissions.allows(member, "chat"):
            return
        text = markup.truncated(text, room.limits.max_message_units)
        if self._too_new(member, text):
            return
        if not room.options["allow_ascii_control"]:
            text = _CONTROL_CHARACTERS.sub(" ", text)
        if not text.strip() or not member.name:
            return
        kept: dict[str, Any] = {}
        flair = (meta or {}).get("modflair")
        if member.is_moderator and flair == member.rank and not isinstance(flair, bool):
            kept["modflair"] = wire_number(member.rank)
        drink = _DRINK.fullmatch(text)
        if drink and room.permissions.allows(member, "drink"):
            served = self._drink(drink, kept)
            if served is None:
                return
            text = served
        self.utter(member, text, kept)

    def utter(self, member: Member, text: str, meta: dict[str, Any]) -> None:
        """The second half of the pipeline. Commands that only dress a text up come here once more, and pay twice."""
        room = self.room
        if "/afk" not in text:
            room.set_afk(member, False)
        rate = CHAT
        if room.options["chat_antiflood"] and member.rank < MODERATOR_RANK:
            rate = room.options.antiflood
        if not member.chat_throttle.accept(room.now(), rate):
            member.send("cooldown", wire_number(1000 / rate.sustained))
            return
        if text.startswith(">"):
            meta["addClass"] = "greentext"
        if text.startswith("/"):
            command, _, rest = text[1:].partition(" ")
            if self._commands.run(member, command, rest, meta):
                return
        frame = Frame("chatMsg", self._line(member.name, text, meta))
        if member.shadow_muted:
            self._shadow(member, frame)
        elif member.muted:
            member.send("noflood", {"action": "chat", "msg": "You have been muted on this channel."})
        else:
            self.buffer.append(frame)
            room.broadcast_frame(frame)

    def private(self, member: Member, to: str, text: str) -> None:
        """A member sends a private message (PROTOCOL section 6)."""
        room = self.room
        if not member.name:
            member.send("errorMsg", {"msg": "You must be signed in to send PMs"})
            return
        text = markup.truncated(text, room.limits.max_message_units)
        if self._too_new(member, text):
            return
        if not member.chat_throttle.accept(room.now(), CHAT):
            member.send("cooldown", wire_number(1000 / CHAT.sustained))
            return
        key = to.lower()
        if key == member.key:
            member.send("errorMsg", {"msg": "You can't PM yourself!"})
            return
        target = room.member(key)
        if target is None:
            valid = re.fullmatch(r"[A-Za-z0-9_-]{1,20}", key)
            fault = "isn't connected to this channel." if valid else "isn't a valid username."
            member.send("errorMsg", {"msg": f"PM failed: {key} {fault}"})
            return
        meta = {"addClass": "greentext"} if text.startswith(">") else {}
        frame = Frame("pm", {**self._line(member.name, text, meta), "to": target.name})
        target.deliver(frame)
        member.deliver(frame)

    def clear(self, member: Member) -> None:
        self.buffer.clear()
        self.room.broadcast("clearchat", {"clearedBy": member.name})
        self.room.whisper(f"{member.name} cleared chat.", everybody=True)

    def set_drinks(self, count: int) -> None:
        self.drinks = count
        self.room.broadcast("drinkCount", count)

    def _chat_message(self, member: Member, data: Any) -> None:
        self.say(member, data["msg"], data.get("meta"))

    def _private_message(self, member: Member, data: Any) -> None:
        self.private(member, data["to"], data["msg"])

    def _line(self, name: str, text: str, meta: dict[str, Any]) -> dict[str, Any]:
        html = markup.formatted(text, self.filters, link_urls=self.room.options["enable_link_regex"])
        return {"username": name, "msg": html, "meta": meta, "time": self.room.now_ms()}

    def _too_new(self, member: Member, text: str) -> bool:
        if member.rank >= MODERATOR_RANK or member.rank < 0:
            return False
        age = self.room.now() - member.created_at
        if age < self.room.options["new_user_chat_delay"]:
            member.send("spamFiltered", {"reason": "NEW_USER_CHAT"})
            return True
        if age < self.room.options["new_user_chat_link_delay"] and markup.contains_link(text):
            member.send("spamFiltered", {"reason": "NEW_USER_CHAT_LINK"})
            return True
        return False

    def _drink(self, call: re.Match[str], meta: dict[str, Any]) -> str | None:
        count = 1 if call[1] is None else int(call[1])
        words = (call[2] or "").strip()
        self.set_drinks(self.drinks + count)
        if call[1] is not None and not words and count <= 0:
            return None
        meta["addClass"] = "drink"
        meta["forceShowName"] = True
        return f"{words} drink!" if call[1] is None else f"{words} drink! (x{count})"

    def _shadow(self, speaker: Member, frame: Frame) -> None:
        line = frame.args[0]
        marked = Frame("chatMsg", {**line, "meta": {**line["meta"], "shadow": True}})
        for each in self.room.audience:
            if each.is_moderator and each is not speaker:
                each.deliver(marked)
            elif each is speaker or not each.name:
                each.deliver(frame)
