"""The JSON Schema of a version 2 file, made from the models, for editors and other tools.

It accepts what a file may hold: comment keys, references in the place of numbers, and the original's spellings, which
it marks as deprecated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from inspect import cleandoc
from typing import Any, Final

from pydantic import BaseModel

from rosey_core.config.models import NOT_IN_A_FILE, Config
from rosey_core.config.spellings import PAIRS, SYNONYMS, WITHOUT_EFFECT

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_COMMENTS: Final = {r"^(_comment|_note)": True}
_REFERENCE: Final = {"type": "string", "pattern": r"\$\{"}
_NO_TEXT: Final = frozenset({"integer", "number", "boolean"})

_ATTRIBUTE: Final = re.compile(r"^ {4}(?P<names>\w+(?:, \w+)*): (?P<text>.*(?:\n {8}.*)*)", re.MULTILINE)


def schema() -> dict[str, Any]:
    """The schema; each key has a description."""
    made = Config.model_json_schema()
    definitions = made["$defs"]
    for model in _models(Config):
        section = made if model is Config else definitions[model.__name__]
        descriptions = _descriptions(model)
        section["description"] = _first_sentence(model)
        section["patternProperties"] = _COMMENTS
        for key, value in section["properties"].items():
            value.pop("title", None)
            # pydantic's, of a number that may be a text with a unit; it is no word of JSON Schema.
            value.pop("gt", None)
            value["description"] = descriptions[key]
            _allow_references(value)
    for key in NOT_IN_A_FILE:
        del made["properties"][key]
    made["properties"]["version"] = {
        "enum": [2, "2", "2.0"],
        "default": 2,
        "description": _descriptions(Config)["version"],
    }
    _add_spellings(made)
    for key, value in made["properties"].items():
        if "$ref" in value:
            made["properties"][key] = {"anyOf": [{"$ref": value.pop("$ref")}, {"type": "null"}], **value}
    # Sections that Rosey does not know are kept aside, with a warning.
    made["additionalProperties"] = True
    return {"$schema": _DIALECT, **made, "title": "Rosey's configuration, version 2"}


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for part in (field.annotation, *getattr(field.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from _models(part)


def _descriptions(model: type[BaseModel]) -> dict[str, str]:
    """What the model's docstring says of each attribute."""
    found = {}
    for attribute in _ATTRIBUTE.finditer(cleandoc(model.__doc__ or "")):
        for name in attribute["names"].split(", "):
            found[name] = _sentence(attribute["text"])
    return found


def _first_sentence(model: type[BaseModel]) -> str:
    return _sentence(cleandoc(model.__doc__ or "").partition("\n\n")[0])


def _sentence(text: str) -> str:
    text = " ".join(text.replace("``", "`").split())
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def _allow_references(value: dict[str, Any]) -> None:
    """A reference is a text also where it stands for a number."""
    if value.get("type") in _NO_TEXT:
        kind = {key: value.pop(key) for key in list(value) if key not in ("default", "description")}
        value["anyOf"] = [kind, _REFERENCE]


def _add_spellings(made: dict[str, Any]) -> None:
    sections = {"platforms": made["$defs"]["Platform"]}
    for name, value in made["properties"].items():
        if "$ref" in value:
            sections[name] = made["$defs"][value["$ref"].rpartition("/")[2]]
    for (section, key), reason in WITHOUT_EFFECT.items():
        sections[section]["properties"][key] = {"deprecated": True, "description": f"Has no effect: {reason}."}
    for (section, key), name in SYNONYMS.items():
        sections[section]["properties"][key] = {"deprecated": True, "description": f"Another name of `{name}`."}
    platform = sections["platforms"]
    for key, password in PAIRS.items():
        pair = {"type": "array", "minItems": 1, "maxItems": 2, "description": f"[{key}, {password}]"}
        value = platform["properties"][key]
        kinds = value.pop("anyOf", None) or [{"type": value.pop("type")}]
        value["anyOf"] = [*kinds, pair]
