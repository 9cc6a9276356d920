"""The original's spellings of a version 2 file, turned into ours.

``{"domain": ..., "channel": ["lobby", "door"], "user": ["bot", "secret"]}`` becomes ``{"server": ..., "channel":
"lobby", "channel_password": "door", "user": "bot", "password": "secret"}``.
"""

from __future__ import annotations

from typing import Any, Final

from rosey_core.config.document import Document
from rosey_core.config.errors import KeyPath

SYNONYMS: Final = {("platforms", "domain"): "server", ("platforms", "username"): "user"}
"""Other names of a key, by the section and that name."""

PAIRS: Final = {"channel": "channel_password", "user": "password"}
"""Keys of a platform that may hold [name, password], with the key that the password belongs to."""

WITHOUT_EFFECT: Final = {
    ("platforms", "response_timeout"): "waiting times need no setting any more",
    ("platforms", "restart_delay"): "the bot reconnects for ever, at growing intervals",
    ("platforms", "retry"): "the bot reconnects for ever",
    ("platforms", "retry_delay"): "the bot reconnects at growing intervals",
    ("nats", "connection_timeout"): "services try to connect for ever",
    ("nats", "max_reconnect_attempts"): "services reconnect to NATS for ever",
    ("nats", "reconnect_delay"): "services reconnect at growing intervals",
    ("database", "run_as_service"): "the database always is a process of its own",
    ("logging", "chat_log_file"): "the database keeps the chat",
    ("logging", "media_log_file"): "the database keeps what was played",
}
"""Keys of the original that are accepted and do nothing, with the reason."""


def modernise(document: Document) -> None:
    """Turn the original's spellings into ours.

    A value given twice in two spellings and a pair that is none are problems of the document.
    """
    platforms = document.data.get("platforms")
    for index, platform in enumerate(platforms if isinstance(platforms, list) else []):
        if isinstance(platform, dict):
            _modernise_platform(document, ("platforms", index), platform)


def _modernise_platform(document: Document, at: KeyPath, platform: dict[str, Any]) -> None:
    for (_, old), new in SYNONYMS.items():
        if old in platform:
            if new in platform:
                document.refuse((*at, old), f"is another name of {new!r}, which is there too: keep one")
                del platform[old]
                continue
            platform[new] = platform.pop(old)
            document.moved((*at, old), (*at, new))
    for key, password_key in PAIRS.items():
        pair = platform.get(key)
        if not isinstance(pair, list):
            continue
        if not 1 <= len(pair) <= 2:
            document.refuse((*at, key), "should be a name, or [name, password]")
            continue
        platform[key] = pair[0]
        if len(pair) == 2:
            if password_key in platform:
                document.refuse((*at, key), f"has a password, and {password_key!r} is there too: keep one")
                continue
            platform[password_key] = pair[1]
            document.moved((*at, key), (*at, password_key))


def drop_without_effect(document: Document) -> list[str]:
    """Take out the original's keys that do nothing any more; returns a warning for each that had a value."""
    warnings = []
    for (section, key), reason in WITHOUT_EFFECT.items():
        found = document.data.get(section)
        holders = enumerate(found) if isinstance(found, list) else [(None, found)]
        for index, holder in holders:
            if isinstance(holder, dict) and holder.pop(key, None) is not None:
                path: KeyPath = (section, key) if index is None else (section, index, key)
                problem = document.problem(path, f"has no effect: {reason}")
                warnings.append(f"{problem.key}: {problem.reason}")
    return warnings
