"""The settings of a room, and what a moderator may change of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rosey_simulator.throttle import Rate

ADMIN_RANK = 3.0

# Changing these takes rank 3; below it the key is left alone (PROTOCOL section 11).
_FOR_ADMINS = frozenset(
    {
        "pagetitle",
        "externalcss",
        "externaljs",
        "show_public",
        "password",
        "torbanned",
        "block_anonymous_users",
        "allow_ascii_control",
        "playlist_max_per_user",
    }
)


def defaults(title: str) -> dict[str, Any]:
    return {
        "allow_voteskip": True,
        "voteskip_ratio": 0.5,
        "afk_timeout": 600,
        "pagetitle": title,
        "maxlength": 0,
        "externalcss": "",
        "externaljs": "",
        "chat_antiflood": False,
        "chat_antiflood_params": {"burst": 4, "sustained": 1, "cooldown": 4},
        "show_public": False,
        "enable_link_regex": True,
        "password": False,
        "allow_dupes": False,
        "torbanned": False,
        "block_anonymous_users": False,
        "allow_ascii_control": False,
        "playlist_max_per_user": 0,
        "new_user_chat_delay": 0,
        "new_user_chat_link_delay": 0,
        "playlist_max_duration_per_user": 0,
    }


@dataclass(frozen=True)
class Notice:
    """A frame for whoever sent setOptions."""

    event: str
    payload: dict[str, Any]


def _passed(key: str) -> Notice:
    return Notice("validationPassed", {"target": f"#cs-{key}"})


def _failed(key: str, message: str) -> Notice:
    return Notice("validationError", {"target": f"#cs-{key}", "message": message})


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    if number != number or number in (float("inf"), float("-inf")):
        return None
    return int(number) if number == int(number) else number


class Options:
    """The options of one room, as `channelOpts` shows them."""

    def __init__(self, title: str) -> None:
        self.values = defaults(title)
        self._checks: dict[str, Callable[[str, Any], list[Notice] | None]] = {
            "voteskip_ratio": self._set_ratio,
            "afk_timeout": self._set_afk_timeout,
            "externalcss": self._set_link,
            "externaljs": self._set_link,
            "password": self._set_password,
            "pagetitle": self._set_title,
            "chat_antiflood_params": self._set_antiflood,
        }

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    @property
    def antiflood(self) -> Rate:
        params = self.values["chat_antiflood_params"]
        return Rate(params["burst"], params["sustained"], params["cooldown"])

    def change(self, changes: dict[str, Any], rank: float) -> tuple[bool, list[Notice]]:
        """Take over what `rank` may change. Returns whether the room must hear of it, and notices for the sender."""
        notices: list[Notice] = []
        changed = False
        for key in self.values:
            if key not in changes or (key in _FOR_ADMINS and rank < ADMIN_RANK):
                continue
            answer = self._checks.get(key, self._set_plain)(key, changes[key])
            if answer is None:
                changed = True
                continue
            notices.extend(answer)
            changed = changed or any(notice.event == "validationPassed" for notice in answer)
        return changed, notices

    def _set_plain(self, key: str, value: Any) -> list[Notice] | None:
        if isinstance(self.values[key], bool):
            self.values[key] = bool(value)
            return None
        number = _number(value)
        if number is None:
            return [Notice("errorMsg", {"msg": f"Expected number for {key}, not {json.dumps(value)}"})]
        self.values[key] = max(0, number)
        return None

    def _set_ratio(self, key: str, value: Any) -> list[Notice]:
        number = _number(value)
        if number is None or number < 0:
            return [_failed(key, f"Input must be a number 0 or greater, not {json.dumps(value)}")]
        self.values[key] = number
        return [_passed(key)]

    def _set_afk_timeout(self, key: str, value: Any) -> list[Notice]:
        number = _number(value)
        if number is None or not 0 <= number <= 86400:
            return [_failed(key, "AFK timeout must be between 1 and 86400 seconds (or 0 to disable)")]
        self.values[key] = number
        return [_passed(key)]

    def _set_link(self, key: str, value: Any) -> list[Notice] | None:
        kind = "CSS" if key == "externalcss" else "JS"
        if not isinstance(value, str) or (value and not value.startswith("https://")):
            return [_failed(key, f"Invalid URL for external {kind}:  URL must begin with 'https://'")]
        self.values[key] = value
        return [_passed(key)] if value else None

    def _set_password(self, key: str, value: Any) -> list[Notice] | None:
        self.values[key] = str(value)[:100] or False
        return None

    def _set_title(self, key: str, value: Any) -> list[Notice] | None:
        self.values[key] = str(value)[:100]
        return None

    def _set_antiflood(self, key: str, value: Any) -> list[Notice] | None:
        if not isinstance(value, dict):
            return []
        burst, sustained = _number(value.get("burst")), _number(value.get("sustained"))
        if burst is None or sustained is None:
            return []
        burst, sustained = min(max(int(burst), 0), 20), min(max(sustained, 0.1), 10)
        self.values[key] = {"burst": burst, "sustained": sustained, "cooldown": burst / sustained}
        return None
