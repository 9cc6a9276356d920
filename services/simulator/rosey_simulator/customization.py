"""How a room looks: message of the day, styles, scripts, emotes, chat filters, options and permissions."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from typing import Any

from rosey_simulator.chat.filters import ChatFilter, FilterError
from rosey_simulator.chat.markup import sanitized
from rosey_simulator.feature import Feature, Handler
from rosey_simulator.member import MODERATOR_RANK, Member
from rosey_simulator.options import ADMIN_RANK
from rosey_simulator.schema import type_name


class Settings(Feature):
    """Permissions and options. Some frames kick a sender who lacks the rank (PROTOCOL section 4)."""

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "setPermissions": self._set_permissions,
            "setOptions": self._set_options,
            "readChanLog": self._read_log,
            "initACP": self._site_panel,
        }

    def _set_permissions(self, member: Member, data: Any) -> None:
        room = self.room
        if member.rank < ADMIN_RANK:
            room.kick(member, "Attempted setPermissions as a non-admin")
            return
        if not isinstance(data, dict):
            return
        room.permissions.update({node: rank for node, rank in data.items() if type_name(rank) == "number"})
        if "seeplaylist" in data:
            for each in room.audience:
                room.playlist.send_list(each)
        room.broadcast("setPermissions", dict(room.permissions.nodes))

    def _set_options(self, member: Member, data: Any) -> None:
        room = self.room
        if member.rank < MODERATOR_RANK:
            room.kick(member, "Attempted setOptions as a non-moderator")
            return
        if not isinstance(data, dict):
            return
        changed, notices = room.options.change(data, member.rank)
        for notice in notices:
            member.send(notice.event, notice.payload)
        if "afk_timeout" in data and changed:
            room.restart_afk_timers()
        if changed:
            room.broadcast("channelOpts", dict(room.options.values))

    def _read_log(self, member: Member, _data: Any) -> None:
        if member.rank < ADMIN_RANK:
            self.room.kick(member, "Attempted readChanLog with insufficient permission")
            return
        member.send("readChanLog", {"success": True, "data": ""})

    def _site_panel(self, member: Member, _data: Any) -> None:
        if member.global_rank < 255:
            reason = "Attempted initACP from non privileged user.  This incident will be reported."
            self.room.kick(member, reason)


class Look(Feature):
    """Message of the day, style sheet and script."""

    motd = ""
    css = ""
    js = ""

    def handlers(self) -> Mapping[str, Handler]:
        return {"setMotd": self._set_motd, "setChannelCSS": self._set_css, "setChannelJS": self._set_js}

    def welcome(self, member: Member) -> None:
        member.send("channelCSSJS", self._sheets())
        member.send("setMotd", self.motd)

    def _set_motd(self, member: Member, data: Any) -> None:
        if not self.room.permissions.allows(member, "motdedit"):
            self.room.kick(member, "Attempted setMotd with insufficient permission")
            return
        self.motd = sanitized(data["motd"][:20000])
        self.room.broadcast("setMotd", self.motd)

    def _set_css(self, member: Member, data: Any) -> None:
        if member.rank < ADMIN_RANK:
            self.room.kick(member, "Attempted setChannelCSS as non-admin")
            return
        self.css = data["css"][:20000]
        self.room.broadcast("channelCSSJS", self._sheets())

    def _set_js(self, member: Member, data: Any) -> None:
        if member.rank < ADMIN_RANK:
            self.room.kick(member, "Attempted setChannelJS as non-admin")
            return
        self.js = data["js"][:20000]
        self.room.broadcast("channelCSSJS", self._sheets())

    def _sheets(self) -> dict[str, str]:
        return {"css": self.css, "cssHash": _digest(self.css), "js": self.js, "jsHash": _digest(self.js)}


class Emotes(Feature):
    """Codes that clients show as images; the server only keeps and announces them."""

    def __init__(self, room: Any) -> None:
        super().__init__(room)
        self.emotes: dict[str, dict[str, str]] = {}

    def handlers(self) -> Mapping[str, Handler]:
        return {"updateEmote": self._update, "renameEmote": self._rename, "removeEmote": self._remove}

    def welcome(self, member: Member) -> None:
        member.send("emoteList", list(self.emotes.values()))

    def _update(self, member: Member, data: Any) -> None:
        emote = self._read(member, data)
        if emote is not None:
            self.emotes[emote["name"]] = emote
            self.room.broadcast("updateEmote", emote)

    def _rename(self, member: Member, data: Any) -> None:
        emote = self._read(member, data)
        if emote is None or self.emotes.pop(str(data.get("old")), None) is None:
            return
        self.emotes[emote["name"]] = emote
        self.room.broadcast("renameEmote", {"old": data["old"], **emote})

    def _remove(self, member: Member, data: Any) -> None:
        if self._read(member, data) is not None and self.emotes.pop(data["name"], None) is not None:
            self.room.broadcast("removeEmote", data)

    def _read(self, member: Member, data: Any) -> dict[str, str] | None:
        if not isinstance(data, dict) or not self.room.permissions.allows(member, "emoteedit"):
            return None
        name, image = data.get("name"), data.get("image")
        if not isinstance(name, str) or not isinstance(image, str) or not name:
            return None
        return {"name": name, "image": image, "source": rf"(^|\s){re.escape(name)}(?!\S)"}


class FilterEditor(Feature):
    """Changes to the chat filters; only those who may edit them hear of them."""

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "requestChatFilters": self._send,
            "addFilter": lambda member, data: self._put(member, data, new=True),
            "updateFilter": lambda member, data: self._put(member, data, new=False),
            "removeFilter": self._remove,
        }

    def _send(self, member: Member, _data: Any) -> None:
        if self._may(member):
            filters = self.room.conversation.filters.filters
            member.send("chatFilters", [each.as_json() for each in filters])

    def _put(self, member: Member, data: Any, *, new: bool) -> None:
        if not self._may(member) or not isinstance(data, dict):
            return
        try:
            chat_filter = ChatFilter.from_json(data)
        except FilterError as reason:
            member.send("errorMsg", {"msg": str(reason), "alert": True})
            return
        self.room.conversation.filters.put(chat_filter)
        if new:
            member.send("addFilterSuccess")
        self._show("updateChatFilter", chat_filter.as_json())

    def _remove(self, member: Member, data: Any) -> None:
        if not self._may(member) or not isinstance(data, dict):
            return
        if self.room.conversation.filters.remove(str(data.get("name"))):
            self._show("deleteChatFilter", {"name": data["name"]})

    def _show(self, event: str, payload: dict[str, Any]) -> None:
        for each in self.room.audience:
            if self._may(each):
                each.send(event, payload)

    def _may(self, member: Member) -> bool:
        return self.room.permissions.allows(member, "filteredit")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.md5(text.encode("utf-8", "replace"), usedforsecurity=False).digest()).decode()
