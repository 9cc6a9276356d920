"""Playlists that accounts keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rosey_simulator.feature import Handler
from rosey_simulator.member import Member
from rosey_simulator.playlist.media import Media, clock_time

if TYPE_CHECKING:
    from rosey_simulator.playlist.playlist import Playlist


class SavedPlaylists:
    """The saved lists of one room's users, by account."""

    def __init__(self, playlist: Playlist) -> None:
        self._playlist = playlist
        self._lists: dict[str, dict[str, list[Media]]] = {}

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "listPlaylists": lambda member, _: self.send(member),
            "clonePlaylist": self._save,
            "deletePlaylist": self._delete,
            "queuePlaylist": self._queue,
        }

    def send(self, member: Member) -> None:
        """`listPlaylists`, to accounts only."""
        if member.registered:
            rows = [
                {"name": name, "count": len(media), "duration": sum(each.seconds for each in media)}
                for name, media in self._lists.get(member.key, {}).items()
            ]
            member.send("listPlaylists", rows)

    def _save(self, member: Member, data: Any) -> None:
        if member.registered:
            media = [item.media for item in self._playlist.items]
            self._lists.setdefault(member.key, {})[data["name"]] = media
            self.send(member)

    def _delete(self, member: Member, data: Any) -> None:
        if member.registered:
            self._lists.get(member.key, {}).pop(data["name"], None)
            self.send(member)

    def _queue(self, member: Member, data: Any) -> None:
        permissions = self._playlist.room.permissions
        if not permissions.allows_playlist(member, "playlistaddlist"):
            return
        media = self._lists.get(member.key, {}).get(data["name"])
        if media is None:
            return
        temp = bool(data.get("temp")) or not permissions.allows(member, "addnontemp")
        # A saved item without an end comes back with "00:00", as the recordings show it.
        self._playlist.add_all(
            [replace(each, duration=clock_time(each.seconds)) for each in media],
            member.name,
            temp=temp,
            as_next=data["pos"] == "next",
        )
