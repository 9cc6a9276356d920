"""What can be put on a playlist, and how a request for it is looked up without a network."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

LIVE_TYPES = frozenset({"hl", "cu", "li", "rt", "tw"})
TITLE_CHARACTERS = 100

_LINKS: Mapping[str, Callable[[str], str]] = {
    "yt": lambda name: f"https://youtu.be/{name}",
    "vi": lambda name: f"https://vimeo.com/{name}",
    "dm": lambda name: f"https://dailymotion.com/video/{name}",
    "tw": lambda name: f"https://twitch.tv/{name}",
    "li": lambda name: f"https://livestream.com/{name}",
    "hl": lambda name: name,
    "fi": lambda name: name,
    "rt": lambda name: name,
    "sc": lambda name: name,
}


class MediaUnavailable(Exception):
    """The item cannot be added; the text goes to whoever asked for it."""


@dataclass(frozen=True)
class Media:
    """Something to play. `seconds` is 0 for what never ends by itself."""

    id: str
    title: str
    seconds: int
    type: str = "yt"
    meta: dict[str, Any] = field(default_factory=dict, hash=False)
    duration: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "title": self.title[:TITLE_CHARACTERS],
            "seconds": self.seconds,
            "duration": self.duration or (clock_time(self.seconds) if self.seconds else "--:--"),
            "type": self.type,
            "meta": self.meta,
        }


def clock_time(seconds: int) -> str:
    """As CyTube writes a length: mm:ss, with hours only where there are some."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"


def link_of(media_type: str, media_id: str) -> str:
    """The page of an item, "" where its type has none."""
    make = _LINKS.get(media_type)
    return make(media_id) if make else ""


class MediaLibrary:
    """Answers look-ups: the types that need no network as CyTube does, the others from what was put in."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Media] = {}

    def add(self, media: Media) -> None:
        """Make an item known that a real server would look up in the network."""
        self._known[media.type, media.id] = media

    def look_up(self, media_type: str, media_id: str, title: str | None, seconds: int) -> Media:
        """The item for a request. Raises MediaUnavailable with CyTube's text (PROTOCOL section 8)."""
        known = self._known.get((media_type, media_id))
        if known is not None:
            return known
        match media_type:
            case "tw":
                return Media(media_id, f"Twitch.tv - {media_id}", seconds, "tw")
            case "li":
                if not re.fullmatch(r"\d+;\d+", media_id):
                    raise MediaUnavailable("Invalid ID")
                return Media(media_id, "Livestream.com", seconds, "li")
            case "rt":
                return Media(media_id, "Livestream", seconds, "rt")
            case "hl":
                if not media_id.startswith("https://"):
                    raise MediaUnavailable(
                        "HLS links must start with HTTPS due to browser security policy.  "
                        "See https://git.io/vpDLK for details."
                    )
                return Media(media_id, "Livestream", seconds, "hl")
            case "cu":
                return _embed(media_id, title, seconds)
            case "fi":
                raise MediaUnavailable("Raw file playback is not enabled on this server")
            case "sc":
                raise MediaUnavailable(
                    "Soundcloud is not supported anymore due to requiring OAuth but not accepting new API key "
                    "registrations."
                )
            case "yt" | "yp":
                raise MediaUnavailable(
                    "The YouTube API now requires an API key.  Please see the documentation for youtube-v3-key in "
                    "config.template.yaml"
                )
            case _:
                raise MediaUnavailable(f"Unknown media type {html.escape(repr(media_type)).replace('&#x27;', '&#39;')}")


def _embed(code: str, title: str | None, seconds: int) -> Media:
    source = re.match(r"<iframe\s[^>]*?src=[\"'](https?://[^\"']+)[\"']", code)
    if source is None:
        raise MediaUnavailable("Invalid embed.  Input must be an &lt;iframe&gt; tag")
    if not source[1].startswith("https://"):
        raise MediaUnavailable("Invalid embed.  Embed source must begin with https://")
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    name = title or f"Custom Media ({source[1]})"
    return Media(f"cu:{digest}", name, seconds, "cu", {"embed": {"tag": "iframe", "src": source[1]}})
