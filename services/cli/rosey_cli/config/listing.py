"""A configuration as YAML, with what it takes from where, and without its secrets."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from rosey_core.config import Config
from rosey_core.config.document import Document
from rosey_core.config.errors import KeyPath
from rosey_core.config.models import NOT_IN_A_FILE
from rosey_core.telemetry.logs import MASK, redacted

_NOT_SHOWN: Final = ("legacy", *NOT_IN_A_FILE)
_ORIGIN_COLUMN: Final = 44
_HIDDEN: Final = f'"{MASK}"'


def listing(config: Config, document: Document) -> str:
    """The effective configuration; whatever is not default says where it comes from.

    Of what Rosey does not use only the names are shown: nobody knows what in there is a secret.
    """
    lines = [*_section(config, (), document), *_unused(config)]
    return redacted("".join(f"{line}\n" for line in lines))


def _section(section: BaseModel, at: KeyPath, document: Document) -> Iterator[str]:
    indent = "  " * len(at)
    for name, field in type(section).model_fields.items():
        if not at and name in _NOT_SHOWN:
            continue
        value, here = getattr(section, name), (*at, name)
        if isinstance(value, BaseModel):
            yield f"{indent}{name}:"
            yield from _section(value, here, document)
        elif isinstance(value, list) and value:
            yield f"{indent}{name}:"
            for index, item in enumerate(value):
                first, *others = _section(item, (*here, index), document)
                yield f"{indent}  - {first.lstrip()}"
                yield from others
        else:
            line = f"{indent}{name}: {_text(value)}"
            origin = _origin(value, here, field, document)
            yield f"{line:<{_ORIGIN_COLUMN}}  # {origin}" if origin else line


def _text(value: Any) -> str:
    if isinstance(value, SecretStr):
        return _HIDDEN
    # JSON is YAML, and quotes what needs it; numbers of bytes and paths are subclasses that it does not know.
    return json.dumps(value, default=str, ensure_ascii=False)


def _origin(value: Any, at: KeyPath, field: FieldInfo, document: Document) -> str:
    place = document.places.get(at)
    if place is None:
        # Such as the user of an address: it came with another key.
        return "" if value == field.default else "from a key beside it"
    if place.variable is not None:
        origin = place.variable
    else:
        origin = document.source.name if document.source else ""
        origin += f", line {place.line}"
    references = " ".join(f"${{{target}}}" for target in document.references.get(at, ()))
    return f"{origin}: {references}" if references else origin


def _unused(config: Config) -> Iterator[str]:
    if config.legacy:
        yield "legacy:"
        yield from (f"  {json.dumps(key, ensure_ascii=False)}: {_HIDDEN}" for key in config.legacy)
