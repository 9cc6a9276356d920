"""How moderators want the bot to behave in a channel for the time being: quiet, or in maintenance."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

log = logging.getLogger(__name__)


_Moment = Annotated[float, Meta(ge=0, le=1e11)]
"""Unix seconds; beyond, a change could not be told from the one before it."""


class _State(Struct, frozen=True, omit_defaults=True):
    is_quiet: bool = False
    quiet_until: float | None = None
    quiet_changed: _Moment = 0.0
    is_maintained: bool = False
    maintenance_changed: _Moment = 0.0

    @property
    def quiet(self) -> tuple[float, bool, float]:
        """The later of two is the greater; of two of one moment the same one for everybody."""
        return self.quiet_changed, self.is_quiet, self.quiet_until or 0.0

    @property
    def maintenance(self) -> tuple[float, bool]:
        """The later of two is the greater."""
        return self.maintenance_changed, self.is_maintained


_DECODER: Final = msgspec.json.Decoder(_State)
_TICK: Final = 0.001
"""Seconds by which a change is later at least than what it changes, whosever clock that was told by."""


class InvalidManners(ValueError):
    """What was told is not how a bot can behave."""


class Manners:
    """One channel's; they outlive connections, and with a file the bot.

    Args:
        file: where they are kept. A file that cannot be read or written costs the memory, not the work.
        clock: Unix seconds.

    Attributes:
        on_change: called when a moderator has changed them.
    """

    def __init__(self, file: Path | None = None, *, clock: Callable[[], float] = time.time) -> None:
        self._file: Final = file
        self._clock: Final = clock
        self._state = self._read()
        self.on_change: Callable[[], None] = lambda: None

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
        self._be_quiet(True, until)

    def speak(self) -> None:
        """Be quiet no longer."""
        self._be_quiet(False, None)

    def _be_quiet(self, is_quiet: bool, until: float | None) -> None:
        self._change(is_quiet=is_quiet, quiet_until=until, quiet_changed=self._now(self._state.quiet_changed))

    def maintain(self, is_maintained: bool) -> None:
        """Begin or end maintenance."""
        self._change(is_maintained=is_maintained, maintenance_changed=self._now(self._state.maintenance_changed))

    def encode(self) -> bytes:
        """What another bot needs in order to behave so, too."""
        return msgspec.json.encode(self._state)

    def take(self, told: bytes) -> bool:
        """Behave as another bot was told, quiet and maintenance each where it was told that later.

        Returns:
            Whether this bot was told something later, which the other does not know.

        Raises:
            InvalidManners: it is nothing that a bot is told.
        """
        theirs, before = decoded(told), self._state
        state = before
        if theirs.quiet > state.quiet:
            state = msgspec.structs.replace(
                state,
                is_quiet=theirs.is_quiet,
                quiet_until=theirs.quiet_until,
                quiet_changed=theirs.quiet_changed,
            )
        if theirs.maintenance > state.maintenance:
            state = msgspec.structs.replace(
                state, is_maintained=theirs.is_maintained, maintenance_changed=theirs.maintenance_changed
            )
        if state != before:
            self._state = state
            self._write()
        return state.quiet > theirs.quiet or state.maintenance > theirs.maintenance

    def _change(self, **changes: object) -> None:
        self._state = msgspec.structs.replace(self._state, **changes)
        self._write()
        self.on_change()

    def _now(self, before: float) -> float:
        return max(self._clock(), before + _TICK)

    def _write(self) -> None:
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
            return decoded(self._file.read_bytes())
        except FileNotFoundError:
            return _State()
        except (OSError, InvalidManners) as error:
            log.warning("%s cannot be read, so what moderators said is forgotten: %s", self._file, error)
            return _State()


def decoded(told: bytes) -> _State:
    """What a bot was told, as ``Manners.encode`` has it.

    Raises:
        InvalidManners: it is nothing that a bot is told.
    """
    try:
        return _DECODER.decode(told)
    except (ValueError, msgspec.MsgspecError) as error:
        raise InvalidManners(str(error)) from None
