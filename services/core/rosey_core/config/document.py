"""A configuration file as data, with the line on which each key stands."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rosey_core.config.errors import ConfigError, KeyPath, Problem, dotted


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value comes from: the key as it is spelt there, and a line of the file or an environment variable."""

    key: str
    line: int | None = None
    variable: str | None = None


@dataclass(slots=True)
class Document:
    """What a file holds, without its comment keys.

    Attributes:
        source: the file; ``None`` where there is none.
        data: the outermost mapping.
        places: where each value comes from.
    """

    source: Path | None = None
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, Place] = field(default_factory=dict)

    def problem(self, path: KeyPath, reason: str) -> Problem:
        """A problem with what stands, or should stand, at ``path``, placed at the nearest thing that is there."""
        for length in range(len(path), 0, -1):
            place = self.places.get(path[:length])
            if place is not None:
                key = ".".join(filter(None, (place.key, dotted(path[length:]))))
                # What a variable set says nothing about its neighbours.
                variable = place.variable if length == len(path) else None
                return Problem(reason, key, place.line, variable)
        within = (place.variable for at, place in self.places.items() if at[: len(path)] == path)
        return Problem(reason, dotted(path), variable=next(within, None))

    def error(self, path: KeyPath, reason: str) -> ConfigError:
        """The error that there is this one problem."""
        return ConfigError(self.source, [self.problem(path, reason)])

    def moved(self, old: KeyPath, new: KeyPath) -> None:
        """Remember that what now stands at ``new`` was found at ``old``."""
        if old in self.places:
            self.places[new] = self.places[old]


def read(path: Path) -> Document:
    """Read a JSON or YAML file: by its suffix, or, where that says nothing, by its first character.

    Raises:
        ConfigError: it cannot be read, is neither, has a key twice, or is no mapping.
    """

    def refuse(reason: str, line: int | None = None) -> ConfigError:
        return ConfigError(path, [Problem(reason, line=line)])

    try:
        text = path.expanduser().read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise refuse("is not UTF-8 text") from None
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}") from None
    is_json = path.suffix == ".json" or (path.suffix not in (".yaml", ".yml") and text.lstrip().startswith("{"))
    try:
        document = _read_json(path, text) if is_json else _read_yaml(path, text)
    except json.JSONDecodeError as error:
        raise refuse(f"is not JSON: {error.msg} (column {error.colno})", error.lineno) from None
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        raise refuse(f"is not YAML: {_explain(error)}", line) from None
    except yaml.YAMLError:
        raise refuse("is not YAML: it has a character that YAML does not allow") from None
    except RecursionError:
        raise refuse("is nested too deeply") from None
    document.source = path
    return document


def _explain(error: yaml.MarkedYAMLError) -> str:
    # Names of aliases and tags may be a password that stands without quotes.
    if isinstance(error, yaml.composer.ComposerError | yaml.constructor.ConstructorError):
        return "a text that begins with '*', '&' or '!' must stand in quotes"
    return error.problem or "it cannot be understood"


def _read_json(path: Path, text: str) -> Document:
    data = json.loads(text)
    try:
        # Nearly all JSON is YAML; tabs between the values are what is not.
        node = yaml.compose(text.replace("\t", " "), Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        # The data is good all the same; only its lines stay unknown.
        return _document(path, data, {})
    return _document(path, data, _places(path, node))


def _read_yaml(path: Path, text: str) -> Document:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        places = _places(path, node)
        data = {} if node is None else loader.construct_document(node)
    finally:
        loader.dispose()
    return _document(path, data, places)


def _document(path: Path, data: Any, places: dict[KeyPath, Place]) -> Document:
    data = {} if data is None else _without_comments(data)
    if not isinstance(data, dict):
        raise ConfigError(path, [Problem("is no mapping of keys to values")])
    return Document(path, data, places)


def _is_comment(key: str) -> bool:
    return key.startswith(("_comment", "_note"))


def _without_comments(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_comments(item) for key, item in value.items() if not _is_comment(str(key))}
    if isinstance(value, list):
        return [_without_comments(item) for item in value]
    return value


def _places(path: Path, node: yaml.Node | None) -> dict[KeyPath, Place]:
    """Where each key stands; refuses keys given twice, of which all but the last would be lost silently."""
    places: dict[KeyPath, Place] = {}

    def walk(node: yaml.Node, at: KeyPath) -> None:
        children: list[tuple[str | int, int, yaml.Node]]
        if isinstance(node, yaml.SequenceNode):
            children = [(index, item.start_mark.line, item) for index, item in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            children = [(str(key.value), key.start_mark.line, item) for key, item in node.value]
        else:
            return
        for key, line, item in children:
            here = (*at, key)
            if here in places and not _is_comment(str(key)):
                raise ConfigError(path, [Problem("is given twice", dotted(here), line + 1)])
            places[here] = Place(dotted(here), line + 1)
            walk(item, here)

    if node is not None:
        walk(node, ())
    return places
