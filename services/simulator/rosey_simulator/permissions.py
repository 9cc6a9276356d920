"""Which rank a room asks for which act (PROTOCOL section 4)."""

from __future__ import annotations

from rosey_simulator.member import Member

REGISTERED: dict[str, float] = {
    "seeplaylist": -1,
    "playlistadd": 1.5,
    "playlistnext": 1.5,
    "playlistmove": 1.5,
    "playlistdelete": 2,
    "playlistjump": 1.5,
    "playlistaddlist": 1.5,
    "oplaylistadd": -1,
    "oplaylistnext": 1.5,
    "oplaylistmove": 1.5,
    "oplaylistdelete": 2,
    "oplaylistjump": 1.5,
    "oplaylistaddlist": 1.5,
    "playlistaddcustom": 3,
    "playlistaddrawfile": 2,
    "playlistaddlive": 1.5,
    "exceedmaxlength": 2,
    "addnontemp": 2,
    "settemp": 2,
    "playlistshuffle": 2,
    "playlistclear": 2,
    "pollctl": 1.5,
    "pollvote": -1,
    "viewhiddenpoll": 1.5,
    "voteskip": -1,
    "viewvoteskip": 1.5,
    "mute": 1.5,
    "kick": 1.5,
    "ban": 2,
    "motdedit": 3,
    "filteredit": 3,
    "filterimport": 3,
    "emoteedit": 3,
    "emoteimport": 3,
    "playlistlock": 2,
    "leaderctl": 2,
    "drink": 1.5,
    "chat": 0,
    "chatclear": 2,
    "exceedmaxitems": 2,
    "deletefromchannellib": 2,
    "exceedmaxdurationperuser": 2,
}

UNREGISTERED: dict[str, float] = {
    "seeplaylist": -1,
    "playlistadd": -1,
    "playlistnext": 0,
    "playlistmove": 0,
    "playlistdelete": 0,
    "playlistjump": 0,
    "playlistaddlist": 0,
    "oplaylistadd": -1,
    "oplaylistnext": 0,
    "oplaylistmove": 0,
    "oplaylistdelete": 0,
    "oplaylistjump": 0,
    "oplaylistaddlist": 0,
    "playlistaddcustom": 0,
    "playlistaddlive": 0,
    "exceedmaxlength": 0,
    "addnontemp": 0,
    "settemp": 0,
    "playlistshuffle": 0,
    "playlistclear": 0,
    "pollctl": 0,
    "pollvote": -1,
    "viewhiddenpoll": 1.5,
    "voteskip": -1,
    "viewvoteskip": 1.5,
    "playlistlock": 2,
    "leaderctl": 0,
    "drink": 0,
    "chat": 0,
    "chatclear": 2,
    "exceedmaxitems": 2,
    "deletefromchannellib": 2,
}

NOBODY = float("inf")


class Permissions:
    """The permission table of one room."""

    def __init__(self, *, registered: bool) -> None:
        self.nodes = dict(REGISTERED if registered else UNREGISTERED)
        # An open playlist is judged by the "o" nodes as well; a registered room starts locked.
        self.playlist_open = not registered

    def allows(self, member: Member, node: str) -> bool:
        return member.rank >= self.nodes.get(node, NOBODY)

    def allows_playlist(self, member: Member, node: str) -> bool:
        """A playlist right, which an open playlist may grant to more people."""
        return self.allows(member, node) or (self.playlist_open and self.allows(member, "o" + node))

    def update(self, changes: dict[str, float]) -> None:
        """Take over the nodes that this room has."""
        self.nodes.update({node: rank for node, rank in changes.items() if node in self.nodes})
