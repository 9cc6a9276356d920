"""From a file and the environment to a checked configuration."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from rosey_core.config import document, environment, migration, references, spellings
from rosey_core.config.document import Document
from rosey_core.config.errors import KeyPath, dotted
from rosey_core.config.models import NOT_IN_A_FILE, Config
from rosey_core.config.platforms import Platform
from rosey_core.telemetry import logs

_OWN: Final = frozenset(Config.model_fields) - {"version", "legacy", *NOT_IN_A_FILE}
_SIMILAR: Final = 0.75
_REASONS: Final = {
    "missing": "is missing",
    "model_type": "should have keys and values",
    "list_type": "should be a list",
    "tuple_type": "should be a list",
    "string_type": "should be a text: put it in quotes",
    "string_too_short": "is empty: leave it out for its default",
}
"""Where pydantic's words speak of Python."""


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """Read the configuration; from now on this process's log masks the secrets in it.

    Args:
        path: a JSON or YAML file; with ``None`` there are the environment and the defaults.
        environ: the environment, for overrides (``ROSEY_NATS__URL``) and references (``${NAME}``).

    Raises:
        ConfigError: it cannot be read, or something in it is wrong.
    """
    config, _ = load_document(Document() if path is None else document.read(path), environ)
    return config


def load_document(found: Document, environ: Mapping[str, str]) -> tuple[Config, Document]:
    """As ``load``, of what was read already; returns also the document, which knows where each value comes from.

    Raises:
        ConfigError: something in it is wrong; it tells everything at once.
    """
    migration.refuse_older_forms(found)
    spellings.modernise(found)
    environment.override(found, environ)
    warnings = spellings.drop_without_effect(found)
    legacy = found.data.pop("legacy", None)
    unknown = _take_unknown(found)
    warnings += [f"{section}: this Rosey does not use it" for section in unknown]
    if isinstance(legacy, dict):
        unknown |= legacy
    elif legacy is not None:
        found.refuse(("legacy",), "should have keys and values")
    _resolve_references(found, environ)
    # A section with nothing in it, as YAML reads a heading whose keys are commented out, means its defaults.
    sections = {name: section for name, section in found.data.items() if section is not None}
    try:
        config = Config(
            **sections,
            legacy=unknown,
            warnings=tuple(warnings),
            source=found.source,
            referenced=tuple(_files_referred_to(found)),
        )
    except ValidationError as error:
        for details in error.errors(include_url=False, include_input=False):
            found.refuse(details["loc"], _reason(details))
        raise found.refusal() from None
    if found.problems:
        raise found.refusal()
    logs.hide(config.secrets())
    return config, found


def _take_unknown(found: Document) -> dict[str, Any]:
    """Take out the sections that are not ours.

    One that has nearly the name of one of ours, is a key of version 1, or comes from the environment is a problem.
    """
    unknown = {name: found.data.pop(name) for name in list(found.data) if name not in _OWN}
    for name in unknown:
        similar = difflib.get_close_matches(name, _OWN, n=1, cutoff=_SIMILAR)
        if similar:
            found.refuse((name,), f"unknown section; did you mean {similar[0]!r}?")
        elif (name,) in migration.FLAT_TARGETS:
            found.refuse((name,), f"belongs in version 2 at {dotted(migration.FLAT_TARGETS[name,])}")
    for at, place in found.places.items():
        if place.variable is not None and at[0] in unknown:
            found.refuse(at, "unknown section")
    return unknown


def _resolve_references(found: Document, environ: Mapping[str, str]) -> None:
    directory = _directory(found)

    def resolved(value: Any, at: KeyPath) -> Any:
        if isinstance(value, dict):
            return {key: resolved(item, (*at, key)) for key, item in value.items()}
        if isinstance(value, list):
            return [resolved(item, (*at, index)) for index, item in enumerate(value)]
        if isinstance(value, str):
            try:
                text, targets = references.resolve(value, environ, directory)
                text.encode()
                if "\0" in text:
                    raise ValueError("has a NUL character, which no path and no name can have")
            except UnicodeEncodeError:
                found.refuse(at, "has half a character, which is no text")
            except ValueError as error:
                found.refuse(at, str(error))
            else:
                if targets:
                    found.references[at] = targets
                return text
        return value

    found.data = resolved(found.data, ())


def _files_referred_to(found: Document) -> Iterator[Path]:
    for target in dict.fromkeys(target for targets in found.references.values() for target in targets):
        path = references.file_of(target, _directory(found))
        if path is not None:
            yield path


def _directory(found: Document) -> Path:
    """What relative paths in it start from."""
    return Path() if found.source is None else Path(os.path.expanduser(found.source)).parent


def _reason(details: ErrorDetails) -> str:
    if details["type"] == "extra_forbidden":
        path = details["loc"]
        similar = difflib.get_close_matches(str(path[-1]), list(_keys_beside(path)), n=1)
        return f"unknown key; did you mean {similar[0]!r}?" if similar else "unknown key"
    return _REASONS.get(details["type"]) or details["msg"].removeprefix("Value error, ").removeprefix("Input ")


def _keys_beside(path: KeyPath) -> Iterator[str]:
    """The keys that could stand where ``path`` ends."""
    section: type[BaseModel] = Config
    for key in path[:-1]:
        if key == "platforms":
            section = Platform
        elif isinstance(key, str):
            section = type(section.model_fields[key].default)
    yield from section.model_fields
