"""Channel keys: the name of a channel in subjects, in the database and in labels.

CyTube's channel names are ``[A-Za-z0-9_-]{1,30}`` and do not differ by case (PROTOCOL.md 1 and 2), so the key of a
channel is its name in lower case. Only where two servers have a channel of the same name does the server enter it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_KEY: Final = re.compile(r"[a-z0-9_-]{1,64}")
_CACHE: set[str] = set()
_CACHE_LIMIT: Final = 10_000


class InvalidChannelKey(ValueError):
    """A text that stands where a channel's key should, and is none."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key[:80]!r} is no channel key: 1 to 64 of a-z, 0-9, '_' and '-'")


def is_channel_key(text: str) -> bool:
    """Whether ``text`` may stand as the channel's token in a subject."""
    if text in _CACHE:
        return True
    if _KEY.fullmatch(text) is None:
        return False
    if len(_CACHE) < _CACHE_LIMIT:
        _CACHE.add(text)
    return True


def channel_key(name: str) -> str:
    """The key of a channel by its name alone.

    Raises:
        InvalidChannelKey: the name has characters that CyTube does not allow, or is too long.
    """
    key = name.strip().lower()
    if not is_channel_key(key):
        raise InvalidChannelKey(name)
    return key


def possible_keys(server: str, name: str) -> tuple[str, str]:
    """The keys that a channel may get: its name, or where another has that, its name with its server's.

    Raises:
        InvalidChannelKey: the name is no channel name.
    """
    [plain] = channel_keys([(server, name)]).values()
    [_, longer] = channel_keys([("", name), (server, name)]).values()
    return plain, longer


def channel_keys(channels: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Keys for channels given as (server, name), each its name unless another server has that name too.

    Among channels of one name the first given keeps the plain key; the others get the server's host appended.

    Raises:
        InvalidChannelKey: a name is no channel name.
        ValueError: the same channel of the same server is given twice.
    """
    keys: dict[tuple[str, str], str] = {}
    taken: set[str] = set()
    given: set[tuple[str, str]] = set()
    for server, name in channels:
        key = channel_key(name)
        if (server, key) in given:
            raise ValueError(f"channel {name!r} of {server!r} is configured twice")
        given.add((server, key))
        if key in taken:
            host = urlsplit(server if "//" in server else f"//{server}").netloc.lower()
            key = f"{key}-{re.sub(r'[^a-z0-9]+', '-', host).strip('-')}"[:64]
        if key in taken:
            raise ValueError(f"channel {name!r} of {server!r} gets the key {key!r}, which is taken")
        taken.add(key)
        keys[server, name] = key
    return keys
