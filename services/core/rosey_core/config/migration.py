"""The original's older forms of a configuration, told apart, and brought to version 2 without losing a key.

``{"domain": ..., "channel": ["lobby", "door"], "log_level": "info", "llm": {...}}`` becomes ``{"version": 2,
"platforms": [{"type": "cytube", "server": ..., "channel": "lobby", "channel_password": "door"}], "logging": {"level":
"info"}, "legacy": {"_note": ..., "llm": {...}}}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel

from rosey_core.config.document import Document, is_comment
from rosey_core.config.errors import KeyPath, dotted
from rosey_core.config.models import NOT_IN_A_FILE, Config
from rosey_core.config.spellings import PAIRS, WITHOUT_EFFECT

NOTE: Final = "What the former file had and version 2 does not know. Rosey does not use it."

_PLATFORM: Final[KeyPath] = ("platforms", 0)
_LEGACY: Final = "legacy"
_SECTIONS: Final = frozenset(Config.model_fields) - {"version", *NOT_IN_A_FILE}

FLAT_TARGETS: Final[dict[KeyPath, KeyPath]] = {
    ("domain",): (*_PLATFORM, "server"),
    ("server",): (*_PLATFORM, "server"),
    ("channel",): (*_PLATFORM, "channel"),
    ("user",): (*_PLATFORM, "user"),
    ("proxy",): (*_PLATFORM, "proxy"),
    ("response_timeout",): (*_PLATFORM, "response_timeout"),
    ("restart_delay",): (*_PLATFORM, "restart_delay"),
    ("retry",): (*_PLATFORM, "retry"),
    ("retry_delay",): (*_PLATFORM, "retry_delay"),
    ("log_level",): ("logging", "level"),
    ("db",): ("database", "path"),
}
"""Where the keys of a version 1 file stand in version 2; all others go to ``legacy``."""

_ENVIRONMENT_TARGETS: Final[dict[KeyPath, KeyPath]] = {
    ("cytube", "server"): (*_PLATFORM, "server"),
    ("cytube", "channel"): (*_PLATFORM, "channel"),
    ("cytube", "username"): (*_PLATFORM, "user"),
    ("cytube", "password"): (*_PLATFORM, "password"),
    ("logging", "level"): ("logging", "level"),
    ("health", "host"): ("health", "host"),
    ("health", "port"): ("health", "port"),
}
"""The same of a file of the environment form."""

_NEVER_EMPTY: Final = frozenset({"server", "channel", "level", "path", "host", "port"})
"""Keys for which version 2 takes no ``null``."""

_WHOLE_REFERENCE: Final = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")


class Form(Enum):
    """A form of configuration; its value is what people call it."""

    FLAT = "a version 1 (flat) file"
    ENVIRONMENT = "a file of the environment form"
    V2 = "version 2"


def form_of(data: Mapping[str, Any]) -> Form | None:
    """The form of a file's content; ``None`` where it names a version that does not exist."""
    version = data.get("version")
    if version is not None and str(version) not in ("1", "1.0"):
        return Form.V2 if str(version) in ("2", "2.0") else None
    if version is None and "platforms" in data:
        return Form.V2
    if isinstance(data.get("cytube"), dict):
        return Form.ENVIRONMENT
    flat = version is not None or any((key,) in FLAT_TARGETS for key in data)
    return Form.FLAT if flat else Form.V2


def refuse_older_forms(document: Document) -> None:
    """Accept version 2 alone.

    Raises:
        ConfigError: it is of an older form, or of a version that does not exist.
    """
    form = form_of(document.data)
    if form is None:
        raise document.error(("version",), "this Rosey reads version 2")
    if form is not Form.V2:
        file = document.source or "FILE"
        raise document.error((), f"is {form.value}; this Rosey reads version 2: run 'rosey config migrate {file}'")
    document.data.pop("version", None)


@dataclass(frozen=True, slots=True)
class Move:
    """A key that stands elsewhere in version 2.

    Attributes:
        old: where it stood.
        new: where it stands; two places where it was a pair.
    """

    old: KeyPath
    new: tuple[KeyPath, ...]

    @property
    def is_unused(self) -> bool:
        """Whether version 2 does not know it."""
        return self.new[0][0] == _LEGACY

    def __str__(self) -> str:
        return f"{dotted(self.old)} -> {', '.join(map(dotted, self.new))}"


@dataclass(slots=True)
class Migration:
    """A configuration brought to version 2.

    Attributes:
        data: what the new file holds.
        moves: what of it stands elsewhere than before, in the order of the old file.
    """

    data: dict[str, Any] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)

    def _put(self, old: KeyPath, new: KeyPath, value: Any) -> None:
        """Set a value at ``new``, or below ``legacy`` where something stands there already."""
        pair = PAIRS.get(str(new[-1])) if new[:-1] == _PLATFORM else None
        if pair and isinstance(value, list) and len(value) in (1, 2):
            places = (new, (*_PLATFORM, pair))[: len(value)]
            values = value
        else:
            places, values = (new,), [value]
        if not all(map(self._is_free, places)):
            places, values = (self._beside((_LEGACY, *old)),), [value]
        for place, one in zip(places, values, strict=True):
            self._set(place, one)
        if places != (old,):
            self.moves.append(Move(old, places))

    def _is_free(self, place: KeyPath) -> bool:
        here: Any = self.data
        for key in place:
            if isinstance(here, list) and isinstance(key, int):
                if key >= len(here):
                    return True
            elif not isinstance(here, dict):
                return False
            elif key not in here:
                return True
            here = here[key]
        return False

    def _beside(self, place: KeyPath) -> KeyPath:
        """This place, or one whose name is longer where something stands in the way."""
        here = self.data
        for depth, key in enumerate(place):
            if key not in here:
                break
            here = here[key]
            if depth == len(place) - 1 or not isinstance(here, dict):
                return self._beside((*place[:depth], f"{key}_", *place[depth + 1 :]))
        return place

    def _set(self, place: KeyPath, value: Any) -> None:
        here: Any = self.data
        for depth, key in enumerate(place[:-1]):
            if isinstance(here, list):
                if key == len(here):
                    here.append({"type": "cytube"})
            else:
                here.setdefault(key, [] if isinstance(place[depth + 1], int) else {})
            here = here[key]
        here[place[-1]] = value


def migrate(data: Mapping[str, Any], form: Form) -> Migration:
    """Bring a file's content, comments included, from an older form to version 2.

    Every key of it is in the result: what version 2 does not know below ``legacy``, with a note.
    """
    targets = FLAT_TARGETS if form is Form.FLAT else _ENVIRONMENT_TARGETS
    made = Migration({"version": 2})
    for key, value in data.items():
        if key != "version":
            _bring(made, (key,), value, targets, literal=form is Form.FLAT)
    if _LEGACY in made.data:
        legacy = made.data.pop(_LEGACY)
        made.data[_LEGACY] = {"_note": NOTE, **legacy}
    return made


def _bring(made: Migration, at: KeyPath, value: Any, targets: Mapping[KeyPath, KeyPath], *, literal: bool) -> None:
    target = targets.get(at)
    parts = {known[-1]: new[:-1] for known, new in targets.items() if len(known) > 1 and known[:-1] == at}
    if target is not None:
        if value is None and target[-1] in _NEVER_EMPTY:
            target = (_LEGACY, *at)
        made._put(at, target, _escaped(value) if literal else value)
    elif parts and isinstance(value, dict) and value:
        home = next(iter(parts.values()))
        for key, item in value.items():
            if is_comment(key):
                made._put((*at, key), (*home, key), item)
            else:
                _bring(made, (*at, key), item, targets, literal=literal)
    elif is_comment(str(at[-1])):
        made._put(at, at, value)
    elif len(at) == 1 and at[0] in _SECTIONS and isinstance(value, dict) and value:
        for key, item in value.items():
            made._put((*at, key), (*at, key) if _is_known(str(at[0]), key) else (_LEGACY, *at, key), item)
    else:
        made._put(at, (_LEGACY, *at), value)


def _is_known(section: str, key: str) -> bool:
    if section == _LEGACY or is_comment(key) or (section, key) in WITHOUT_EFFECT:
        return True
    default = Config.model_fields[section].default
    return isinstance(default, BaseModel) and key in type(default).model_fields


def _escaped(value: Any) -> Any:
    """Text of a form that knew no references, so that it is not taken for one; what can be nothing else is one."""
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    if isinstance(value, str) and _WHOLE_REFERENCE.fullmatch(value) is None:
        return value.replace("${", "$${")
    return value
