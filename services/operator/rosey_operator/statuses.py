"""What the bots tell, as far as it still counts: by when each thing was seen here, never by anybody else's clock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final

from rosey_core import channel_status
from rosey_core.bucket_watch import Entry
from rosey_core.channel_status import ChannelStatus, InvalidStatus

log = logging.getLogger(__name__)

_Seen = tuple[int, float]
"""A revision, and when it was seen first."""


class Statuses:
    """The bucket of the channels' status, as it was seen.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock: Final = clock
        self._told: dict[str, ChannelStatus] = {}
        self._seen: dict[str, _Seen] = {}

    def current(self) -> dict[str, ChannelStatus]:
        """By key, what still counts."""
        now = self._clock()
        ages = {key: now - at for key, (_, at) in self._seen.items()}
        return {key: status for key, status in self._told.items() if channel_status.is_current(status, ages)}

    def replace(self, entries: Iterable[Entry]) -> None:
        """Take these for all that stands there; what was seen before in the same revision was seen then."""
        before, self._seen, self._told = self._seen, {}, {}
        for entry in entries:
            self.take(entry)
            seen, now = before.get(entry.key), self._seen.get(entry.key)
            if seen is not None and now is not None and seen[0] == now[0]:
                self._seen[entry.key] = seen

    def take(self, entry: Entry) -> None:
        """Take over what stands under a key now."""
        self._told.pop(entry.key, None)
        self._seen.pop(entry.key, None)
        if entry.operation is not None:
            return
        self._seen[entry.key] = entry.revision or 0, self._clock()
        if channel_status.is_beat_key(entry.key):
            return
        try:
            self._told[entry.key] = channel_status.decode(entry.value or b"")
        except InvalidStatus as error:
            log.debug("%s: no status: %s", entry.key, error)

    def forget(self) -> None:
        """Take what is seen next for new: the bots may have been away as well, and get the time to come back."""
        self._seen.clear()
