"""Overrides by environment variables: ``ROSEY_NATS__URL`` is ``nats.url``, ``ROSEY_PLATFORMS__0__PASSWORD`` the first
platform's password.

Two underscores part the keys. A variable that is empty counts as not set; one without two underscores is none of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rosey_core.config.document import Document, Place
from rosey_core.config.errors import KeyPath, dotted
from rosey_core.config.spellings import SYNONYMS

_PREFIX: Final = "ROSEY_"
_SEPARATOR: Final = "__"


def override(document: Document, environ: Mapping[str, str]) -> None:
    """Put what the environment says over what the document says.

    A variable that names something in the middle of a plain value, or leaves a platform out, is a problem of the
    document.
    """
    for path, variable in sorted(_overrides(environ), key=lambda found: [str(part).zfill(9) for part in found[0]]):
        document.places[path] = Place(dotted(path), variable=variable)
        _assign(document, path, environ[variable])


def _overrides(environ: Mapping[str, str]) -> list[tuple[KeyPath, str]]:
    return [
        (_path(variable), variable)
        for variable, value in environ.items()
        if variable.startswith(_PREFIX) and _SEPARATOR in variable and value
    ]


def _path(variable: str) -> KeyPath:
    parts = variable.removeprefix(_PREFIX).lower().split(_SEPARATOR)
    parts[-1] = SYNONYMS.get((parts[0], parts[-1]), parts[-1])
    return tuple(int(part) if part.isdecimal() else part for part in parts)


def _assign(document: Document, path: KeyPath, value: str) -> None:
    here: Any = document.data
    for depth, key in enumerate(path):
        last = depth == len(path) - 1
        inner: Any = value if last else [] if isinstance(path[depth + 1], int) else {}
        if isinstance(here, list) and isinstance(key, int):
            if key > len(here):
                document.refuse(path, f"there are only {len(here)} before it: number them from 0, without a gap")
                return
            if key == len(here):
                here.append(inner)
            elif last:
                here[key] = inner
        elif isinstance(here, dict) and isinstance(key, str):
            if last or here.get(key) is None:
                here[key] = inner
        else:
            document.refuse(path, "names something that cannot be there")
            return
        here = here[key]
