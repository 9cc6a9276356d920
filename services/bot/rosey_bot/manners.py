"""How moderators want the bot to behave in a channel for the time being: quiet, or in maintenance."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

log = logging.getLogger(__name__)


class _State(Struct, frozen=True, omit_defaults=True):
    is_quiet: bool = False
    quiet_until: float | None = None
    is_maintained: bool = False


_DECODER: Final = msgspec.json.Decoder(_State)


class Manners:
    """One channel's; they outlive connections, and with a file the bot.

    Args:
        file: where they are kept. A file that cannot be read or written costs the memory, not the work.
        clock: Unix seconds.
    """

    def __init__(self, file: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._file: Final = file
        self._clock: Final = clock
        self._state = self._read()

    @property
    def is_quiet(self) -> bool:
        """Whether the bot is to say nothing in chat now."""
        until = self._state.quiet_until
        return self._state.is_quiet and (until is None or self._clock() < until)

    @property
    def quiet_until(self) -> float | None:
        """Unix seconds; ``None`` where it has no end of its own."""
        return self._state.quiet_until

    @property
    def is_maintained(self) -> bool:
        """Whether only admins may have the room changed now."""
        return self._state.is_maintained

    def silence(self) -> str | None:
        """Why the bot is to say nothing in chat now, in a sentence; ``None`` where it may."""
        return "the bot is told to be quiet, and quiet off lets it speak" if self.is_quiet else None

    def be_quiet(self, until: float | None = None) -> None:
        """Say nothing in chat, until a time (Unix seconds) or for good."""
        self._change(is_quiet=True, quiet_until=until)

    def speak(self) -> None:
        """Be quiet no longer."""
        self._change(is_quiet=False, quiet_until=None)

    def maintain(self, is_maintained: bool) -> None:
        """Begin or end maintenance."""
        self._change(is_maintained=is_maintained)

    def _change(self, **changes: object) -> None:
        self._state = msgspec.structs.replace(self._state, **changes)
        if self._file is None:
            return
        written = self._file.with_suffix(".new")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            written.write_bytes(msgspec.json.encode(self._state))
            os.replace(written, self._file)
        except OSError as error:
            log.warning("%s cannot be written, so a restart will forget what moderators said: %s", self._file, error)

    def _read(self) -> _State:
        if self._file is None:
            return _State()
        try:
            return _DECODER.decode(self._file.read_bytes())
        except FileNotFoundError:
            return _State()
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            log.warning("%s cannot be read, so what moderators said is forgotten: %s", self._file, error)
            return _State()
