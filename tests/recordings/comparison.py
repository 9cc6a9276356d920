"""What must be equal between a recording and its replay, and what is free."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.recordings.client import Seen

# The frames that a bot reads, and why. They are what the judge is for; nothing about them may differ without an
# entry in `differences.ACCEPTED`.
READ_BY_A_BOT = {
    "@connect": "may join now",
    "@connect_error": "refused: back off",
    "@disconnect": "kicked: nothing reconnects by itself",
    "@close": "lost the server: reconnect",
    "rank": "its own rank: what it may do",
    "login": "its name, or why it has none",
    "needPassword": "must answer with the channel password",
    "cancelNeedPassword": "is let in",
    "kick": "why it was put out",
    "errorMsg": "what was refused",
    "cooldown": "a message was dropped: send it again later",
    "noflood": "is muted",
    "spamFiltered": "its account is too new to speak",
    "setPermissions": "what it may do",
    "channelOpts": "length and rate limits of the room",
    "channelNotRegistered": "no ranks, no kicks here",
    "userlist": "who is present; its join is complete",
    "addUser": "somebody came",
    "userLeave": "somebody went",
    "usercount": "how many are there, anonymous ones included",
    "setUserRank": "somebody's rank; its own means that login is complete",
    "setUserMeta": "AFK and mute",
    "setAFK": "AFK",
    "setUserProfile": "a profile changed",
    "setLeader": "who leads",
    "chatMsg": "what is said: commands, statistics, its own echo",
    "pm": "commands, and its own echo",
    "clearchat": "the buffer is empty",
    "playlist": "the whole list",
    "setPlaylistMeta": "length of the list",
    "setPlaylistLocked": "who may add",
    "queue": "an item was added, perhaps its own",
    "queueFail": "its item was refused",
    "delete": "an item went",
    "moveVideo": "an item moved",
    "setTemp": "an item stays or goes",
    "setCurrent": "which item plays",
    "changeMedia": "what plays",
    "mediaUpdate": "where it is",
    "voteskip": "how a vote stands",
    "clearVoteskipVote": "its vote is gone",
    "newPoll": "a poll opened",
    "updatePoll": "how it stands",
    "closePoll": "it is over",
    "@ack": "whether its poll was opened",
    "banlist": "who is banned",
    "banlistRemove": "somebody no longer is",
    "channelRankFail": "its rank change was refused",
    "channelRanks": "who has which rank",
}

# A bot lets these pass, yet must survive them. They are compared like the others: it costs nothing.
SURVIVED_BY_A_BOT = frozenset(
    {
        "@open",
        "addFilterSuccess",
        "channelCSSJS",
        "chatFilters",
        "costanza",
        "deleteChatFilter",
        "drinkCount",
        "emoteList",
        "listPlaylists",
        "readChanLog",
        "removeEmote",
        "renameEmote",
        "searchResults",
        "setMotd",
        "updateChatFilter",
        "updateEmote",
        "validationError",
        "validationPassed",
    }
)

_MASKED_ADDRESS = re.compile(r"[A-Za-z0-9+/]{3}(?:\.[A-Za-z0-9+/]{3}){3}")

# What python-socketio calls the things that happen to a connection.
_LIBRARY_TERMS: dict[str, Seen] = {
    "server disconnect": ("@disconnect", ["packet 41 from server"]),
    "transport error": ("@close", ["websocket closed, code 1006"]),
}


def comparable(seen: Seen) -> str:
    """A frame as text: the kind, all fields and all values, with what is free replaced by its type."""
    event, args = seen
    if event == "@disconnect" and args and args[0] in _LIBRARY_TERMS:
        event, args = _LIBRARY_TERMS[args[0]]
    return f"{event} {json.dumps([_free('', each) for each in args], sort_keys=True)}"


def _free(key: str, value: Any) -> Any:
    """The value without what no two runs have in common. Types stay: JSON tells 1, 1.5, true and "1" apart."""
    if isinstance(value, dict):
        return {name: _free(name, each) for name, each in value.items()}
    if isinstance(value, list):
        return [_free(key, each) for each in value]
    if key in ("time", "timestamp") and isinstance(value, int):
        return "<milliseconds>"
    if key == "sid" and isinstance(value, str):
        return "<session>"
    if key == "data" and isinstance(value, str):
        return "<log of the channel>"
    if key == "currentTime" and not isinstance(value, bool):
        # The recorded server's timers were late by a millisecond or two.
        seconds = round(value, 1)
        return int(seconds) if seconds == int(seconds) else seconds
    if isinstance(value, str):
        return _MASKED_ADDRESS.sub("<masked address>", value)
    return value
