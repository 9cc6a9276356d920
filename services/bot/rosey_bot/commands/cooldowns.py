"""How often public commands are answered: once in a while for each user, and for the channel as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from rosey_core.identity import user_key

REMEMBERED_USERS: Final = 1000


class Cooldowns:
    """When a public command may be answered again.

    Args:
        user_seconds: between two answers to one user.
        channel_seconds: between two answers in the channel.
        monotonic: seconds.
    """

    def __init__(
        self, user_seconds: float, channel_seconds: float, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._user_seconds = user_seconds
        self._channel_seconds = channel_seconds
        self._monotonic: Final = monotonic
        self._users: dict[str, float] = {}
        self._channel = float("-inf")

    def change(self, user_seconds: float, channel_seconds: float) -> None:
        """From now on keep to these; what was answered before counts."""
        self._user_seconds = user_seconds
        self._channel_seconds = channel_seconds

    def allow(self, username: str) -> bool:
        """Whether this user's command may be answered now; if so, the time begins anew."""
        now = self._monotonic()
        key = user_key(username)
        if now - self._channel < self._channel_seconds:
            return False
        if now - self._users.get(key, float("-inf")) < self._user_seconds:
            return False
        self._channel = self._users[key] = now
        if len(self._users) > REMEMBERED_USERS:
            self._users = {name: used for name, used in self._users.items() if now - used < self._user_seconds}
        return True
