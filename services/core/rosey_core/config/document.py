"""A configuration file as data, with the line on which each key stands."""

from __future__ import annotations

import json
import os
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
        is_json: whether it is JSON, not YAML.
        data: the outermost mapping.
        places: where each value comes from.
        references: what the values refer to that stand elsewhere.
        problems: what was found to be wrong so far.
    """

    source: Path | None = None
    is_json: bool = False
    data: dict[str, Any] = field(default_factory=dict)
    places: dict[KeyPath, Place] = field(default_factory=dict)
    references: dict[KeyPath, tuple[str, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

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

    def refuse(self, path: KeyPath, reason: str) -> None:
        """Note a problem, unless one with the same key, or with one around or inside it, is known already."""
        found = self.problem(path, reason)
        for known in self.problems:
            one, other = sorted((f"{known.key}.", f"{found.key}."), key=len)
            if other.startswith(one):
                return
        self.problems.append(found)

    def refusal(self) -> ConfigError:
        """The error that there are these problems, in the order in which they stand in the file."""
        return ConfigError(self.source, sorted(self.problems, key=lambda problem: problem.line or 0))

    def moved(self, old: KeyPath, new: KeyPath) -> None:
        """Remember that what now stands at ``new`` was found at ``old``."""
        if old in self.places:
            self.places[new] = self.places[old]


def read(path: Path, *, comments: bool = False) -> Document:
    """Read a JSON or YAML file: by its suffix, or, where that says nothing, by its first character.

    A key that stands there twice is among the document's problems.

    Args:
        path: the file.
        comments: whether comment keys stay in.

    Raises:
        ConfigError: it cannot be read, is neither, or is no mapping.
    """

    def refuse(reason: str, line: int | None = None) -> ConfigError:
        return ConfigError(path, [Problem(reason, line=line)])

    try:
        # Not Path.expanduser, which raises where there is no such user.
        text = Path(os.path.expanduser(path)).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise refuse("is not UTF-8 text") from None
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}") from None
    is_json = path.suffix == ".json" or (path.suffix not in (".yaml", ".yml") and text.lstrip().startswith("{"))
    try:
        document = _read_json(text) if is_json else _read_yaml(text)
    except json.JSONDecodeError as error:
        raise refuse(f"is not JSON: {error.msg} (column {error.colno})", error.lineno) from None
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        raise refuse(f"is not YAML: {_explain(error)}", line) from None
    except yaml.YAMLError:
        raise refuse("is not YAML: it has a character that YAML does not allow") from None
    except RecursionError:
        raise refuse("is nested too deeply") from None
    except ValueError:
        raise refuse("has a number or a date that cannot be understood") from None
    if document.data is None:
        document.data = {}
    if not isinstance(document.data, dict):
        raise refuse("is no mapping of keys to values")
    document.data = _plain(document.data, comments=comments)
    document.source = path
    document.is_json = is_json
    return document


def _explain(error: yaml.MarkedYAMLError) -> str:
    # Names of aliases and tags may be a password that stands without quotes.
    if isinstance(error, yaml.composer.ComposerError | yaml.constructor.ConstructorError):
        return "a text that begins with '*', '&' or '!' must stand in quotes"
    return error.problem or "it cannot be understood"


def _read_json(text: str) -> Document:
    data = json.loads(text)
    try:
        # Nearly all JSON is YAML; tabs between the values are what is not.
        node = yaml.compose(text.replace("\t", " "), Loader=yaml.SafeLoader)
    except yaml.YAMLError:
        # The data is good all the same; only its lines stay unknown.
        node = None
    return _document(data, node)


def _read_yaml(text: str) -> Document:
    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        return _document(None if node is None else loader.construct_document(node), node)
    finally:
        loader.dispose()


def is_comment(key: str) -> bool:
    """Whether a key only tells people, or an editor, something."""
    return key.startswith(("_comment", "_note")) or key == "$schema"


def without_comments(data: dict[str, Any]) -> dict[str, Any]:
    """A copy that has no comment key at any depth."""
    plain: dict[str, Any] = _plain(data, comments=False)
    return plain


def _plain(value: Any, *, comments: bool) -> Any:
    """With texts for keys, and without comments unless they are wanted."""
    if isinstance(value, dict):
        kept = ((str(key), item) for key, item in value.items() if comments or not is_comment(str(key)))
        return {key: _plain(item, comments=comments) for key, item in kept}
    if isinstance(value, list):
        return [_plain(item, comments=comments) for item in value]
    return value


def _document(data: Any, node: yaml.Node | None) -> Document:
    """The data with the place of each key; of keys given twice all but the last would be lost silently."""
    document = Document(data=data)

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
            twice = here in document.places and not is_comment(str(key))
            document.places[here] = Place(dotted(here), line + 1)
            if twice:
                document.refuse(here, "is given twice")
            walk(item, here)

    if node is not None:
        walk(node, ())
    return document
