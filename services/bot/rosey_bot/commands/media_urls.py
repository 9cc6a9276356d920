"""What somebody means who pastes a link: CyTube's type and id of the medium (PROTOCOL.md 8).

Links come as sites give them: with ``www.`` or ``m.``, with or without ``https://``, to share, to watch or to embed,
with a time or a tracking mark behind them; and as CyTube's own short form, ``yt:dQw4w9WgXcQ``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

LIVE_TYPES: Final = frozenset({"tw", "hl", "cu", "li", "rt"})
"""Types that may have no end; CyTube takes their length from whoever adds them (PROTOCOL.md 8)."""

TYPES: Final[Mapping[str, str]] = {
    "yt": "YouTube",
    "yp": "YouTube playlist",
    "vi": "Vimeo",
    "dm": "Dailymotion",
    "gd": "Google Drive",
    "tw": "Twitch",
    "tv": "Twitch video",
    "tc": "Twitch clip",
    "li": "Livestream",
    "rt": "RTMP stream",
    "hl": "HLS stream",
    "cu": "custom embed",
    "fi": "raw file",
    "cm": "custom manifest",
    "sb": "Streamable",
    "pt": "PeerTube",
    "bc": "BitChute",
    "bn": "Bandcamp",
    "od": "Odysee",
    "nv": "Niconico",
}
DEAD_TYPES: Final[Mapping[str, str]] = {
    "gp": "Google+ and Picasa",
    "us": "Ustream",
    "vm": "Vid.me",
    "hb": "Hitbox and Smashcast",
    "im": "Imgur",
    "mx": "Mixer",
    "jw": "JW Player",
    "sc": "SoundCloud",
}
_DEAD_SITES: Final[Mapping[str, str]] = {
    "plus.google.com": "gp",
    "picasaweb.google.com": "gp",
    "ustream.tv": "us",
    "vid.me": "vm",
    "hitbox.tv": "hb",
    "smashcast.tv": "hb",
    "imgur.com": "im",
    "mixer.com": "mx",
    "soundcloud.com": "sc",
    "snd.sc": "sc",
}
_YOUTUBE: Final = re.compile(r"[A-Za-z0-9_-]{11}")
_YOUTUBE_PLAYLIST: Final = re.compile(r"(?:PL[A-Za-z0-9_-]{10,40}|OLA[A-Za-z0-9_-]{30,45})")
_PEERTUBE: Final = re.compile(
    r"/(?:w|videos/watch|videos/embed)/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9]{22})(?:/|$)"
)
_ODYSEE: Final = re.compile(r"/(?:\$/(?:embed|download)/)?@([^:/]+)(?::\w+)?/([^:/]+)")


class MediaUrlError(ValueError):
    """Nothing that CyTube could play; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class MediaReference:
    """A medium as CyTube names it."""

    type: str
    id: str

    @property
    def is_live(self) -> bool:
        """Whether its length is what whoever adds it says."""
        return self.type in LIVE_TYPES


def parse_media_url(text: str) -> MediaReference:
    """The medium that a link, an embed code or a short form means.

    Raises:
        MediaUrlError: none that CyTube plays.
    """
    text = re.sub(r"^<(\S+)>$", r"\1", text.strip())
    if text.startswith("<"):
        return _embed(text)
    short = re.match(r"([A-Za-z]{2}):(?!//)(.+)", text, re.DOTALL)
    if short is not None:
        return _short(short[1].lower(), short[2].strip())
    url = _split(text)
    host = re.sub(r"^(?:www|m|mobile)\.", "", (url.hostname or "").lower())
    if url.scheme in ("rtmp", "rtmps"):
        return MediaReference("rt", text)
    if url.scheme not in ("http", "https"):
        raise MediaUrlError(f"{url.scheme}: links cannot be played")
    if host in _DEAD_SITES:
        raise _dead(_DEAD_SITES[host])
    site = _SITES.get(host)
    if site is not None:
        return site(url)
    if host.endswith(".bandcamp.com"):
        return _bandcamp(url, host)
    return _file(url, text if "://" in text else f"https://{text}")


def _split(text: str) -> SplitResult:
    if not re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
        if not re.match(r"[\w-]+(?:\.[\w-]+)+(?::\d+)?/", text):
            raise MediaUrlError("that is no link: paste one that begins with https://")
        text = f"https://{text}"
    try:
        url = urlsplit(text)
        host = url.hostname
    except ValueError:
        host = None
    if not host:
        raise MediaUrlError("that link is broken")
    return url


def _dead(kind: str) -> MediaUrlError:
    return MediaUrlError(f"CyTube cannot play {DEAD_TYPES[kind]} any more")


def _short(kind: str, rest: str) -> MediaReference:
    if kind in DEAD_TYPES:
        raise _dead(kind)
    if kind not in TYPES:
        raise MediaUrlError(f"CyTube knows no media type '{kind}'")
    if kind == "cu":
        return _embed(rest)
    if kind == "yp":
        return _youtube_playlist(rest)
    if kind in ("fi", "cm", "hl", "rt"):
        return MediaReference(kind, rest)
    return MediaReference(kind, _required(re.split(r"[?&#]", rest)[0], TYPES[kind]))


def _embed(code: str) -> MediaReference:
    if re.match(r"<iframe\s", code, re.IGNORECASE) is None:
        raise MediaUrlError("CyTube takes no embed code but an <iframe>")
    return MediaReference("cu", code)


def _required(value: str | None, site: str) -> str:
    if not value:
        raise MediaUrlError(f"that {site} link leads to no video")
    return value


def _parts(url: SplitResult) -> list[str]:
    return [part for part in url.path.split("/") if part]


def _query(url: SplitResult, name: str) -> str | None:
    return parse_qs(url.query).get(name, [None])[0]


def _behind(url: SplitResult, *names: str) -> str | None:
    """The part of the path that comes behind one of these names."""
    parts = _parts(url)
    return next((after for before, after in itertools.pairwise(parts) if before in names), None)


def _youtube(url: SplitResult) -> MediaReference:
    listed = _query(url, "list")
    name = _query(url, "v") or _behind(url, "shorts", "embed", "live", "v", "e")
    if listed and (name is None or name == "videoseries"):
        return _youtube_playlist(listed)
    return _youtube_video(name)


def _youtube_short(url: SplitResult) -> MediaReference:
    return _youtube_video(next(iter(_parts(url)), None))


def _youtube_video(name: str | None) -> MediaReference:
    video = _YOUTUBE.match(name or "")
    return MediaReference("yt", _required(video and video[0], "YouTube"))


def _youtube_playlist(name: str) -> MediaReference:
    if _YOUTUBE_PLAYLIST.fullmatch(name) is None:
        raise MediaUrlError("of YouTube's playlists CyTube takes those that people made (PL...)")
    return MediaReference("yp", name)


def _vimeo(url: SplitResult) -> MediaReference:
    parts = _parts(url)
    # A showcase has a number of its own, before that of the video.
    numbers = [place for place, part in enumerate(parts) if part.isdigit()]
    place = next((place for place in numbers if place and parts[place - 1] in ("video", "videos")), None)
    place = next(iter(numbers), None) if place is None else place
    if place is None:
        raise MediaUrlError("that Vimeo link leads to no video")
    # An unlisted video has its key behind the number, in the path or in the query.
    key = parts[place + 1] if len(parts) > place + 1 else _query(url, "h")
    return MediaReference("vi", f"{parts[place]}/{key}" if key and re.fullmatch("[0-9a-f]{6,}", key) else parts[place])


def _dailymotion(url: SplitResult) -> MediaReference:
    name = _behind(url, "video") or _query(url, "video")
    return MediaReference("dm", _required((name or "").split("_")[0], "Dailymotion"))


def _dailymotion_short(url: SplitResult) -> MediaReference:
    return MediaReference("dm", _required(next(iter(_parts(url)), None), "Dailymotion"))


def _google_drive(url: SplitResult) -> MediaReference:
    return MediaReference("gd", _required(_behind(url, "d") or _query(url, "id"), "Google Drive"))


def _twitch(url: SplitResult) -> MediaReference:
    clip = _behind(url, "clip") or _query(url, "clip")
    if clip:
        return MediaReference("tc", clip)
    video = _behind(url, "videos", "video", "v") or _query(url, "video")
    if video:
        return MediaReference("tv", f"v{video.removeprefix('v')}")
    return MediaReference("tw", _required(_query(url, "channel") or next(iter(_parts(url)), None), "Twitch"))


def _twitch_clip(url: SplitResult) -> MediaReference:
    clip = _query(url, "clip") or next(iter(_parts(url)), None)
    return MediaReference("tc", _required(clip, "Twitch"))


def _livestream(url: SplitResult) -> MediaReference:
    found = re.match(r"/accounts/(\d+)/events/(\d+)", url.path)
    if found is None:
        raise MediaUrlError("of Livestream CyTube takes links with /accounts/<number>/events/<number>")
    return MediaReference("li", f"{found[1]};{found[2]}")


def _streamable(url: SplitResult) -> MediaReference:
    name = _behind(url, "e", "o", "s") or next(iter(_parts(url)), None)
    return MediaReference("sb", _required(name, "Streamable"))


def _bitchute(url: SplitResult) -> MediaReference:
    return MediaReference("bc", _required(_behind(url, "video", "embed"), "BitChute"))


def _bandcamp(url: SplitResult, host: str) -> MediaReference:
    track = _required(_behind(url, "track"), "Bandcamp")
    return MediaReference("bn", f"{host.removesuffix('.bandcamp.com')};{track}")


def _odysee(url: SplitResult) -> MediaReference:
    found = _ODYSEE.match(url.path)
    if found is None:
        raise MediaUrlError("of Odysee CyTube takes links with /@<user>/<video>")
    return MediaReference("od", f"{found[1]};{found[2]}")


def _niconico(url: SplitResult) -> MediaReference:
    return MediaReference("nv", _required(_behind(url, "watch"), "Niconico"))


def _niconico_short(url: SplitResult) -> MediaReference:
    return MediaReference("nv", _required(next(iter(_parts(url)), None), "Niconico"))


def _file(url: SplitResult, text: str) -> MediaReference:
    peertube = _PEERTUBE.match(url.path)
    if peertube is not None:
        return MediaReference("pt", f"{url.netloc};{peertube[1]}")
    path = url.path.lower()
    if path.endswith(".m3u8"):
        return MediaReference("hl", text)
    if path.endswith(".json"):
        return MediaReference("cm", text)
    # Whether there is a file that can be played CyTube finds out.
    return MediaReference("fi", text)


_SITES: Final[Mapping[str, Callable[[SplitResult], MediaReference]]] = {
    "youtube.com": _youtube,
    "music.youtube.com": _youtube,
    "youtube-nocookie.com": _youtube,
    "youtu.be": _youtube_short,
    "vimeo.com": _vimeo,
    "player.vimeo.com": _vimeo,
    "dailymotion.com": _dailymotion,
    "geo.dailymotion.com": _dailymotion,
    "dai.ly": _dailymotion_short,
    "drive.google.com": _google_drive,
    "docs.google.com": _google_drive,
    "twitch.tv": _twitch,
    "go.twitch.tv": _twitch,
    "player.twitch.tv": _twitch,
    "clips.twitch.tv": _twitch_clip,
    "livestream.com": _livestream,
    "streamable.com": _streamable,
    "bitchute.com": _bitchute,
    "odysee.com": _odysee,
    "lbry.tv": _odysee,
    "nicovideo.jp": _niconico,
    "sp.nicovideo.jp": _niconico,
    "embed.nicovideo.jp": _niconico,
    "nico.ms": _niconico_short,
}
