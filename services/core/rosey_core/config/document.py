"""A configuration file as data, with the line on which each key stands."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from rosey_core.config.errors import ConfigError, KeyPath, Problem, dotted

LARGEST: Final = 1 << 20
"""Bytes of a file: a configuration of thousands of channels has less."""
MOST_REPEATED: Final = 10_000
"""Values that aliases may stand for, all together: each may repeat what holds others, and ten lines be a billion."""
_MERGE: Final = "tag:yaml.org,2002:merge"


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
        with open(os.path.expanduser(path), "rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise ConfigError(None, [Problem("the file's name has a character that no name can have")]) from None
    if len(content) > LARGEST:
        raise refuse(f"is larger than {LARGEST >> 20} MiB")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refuse("is not UTF-8 text") from None
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
    if isinstance(error, _TooMuchRepeated):
        return str(error.problem)
    if isinstance(error, yaml.composer.ComposerError) and error.problem == "but found another document":
        return "a second document begins here"
    if error.problem == "found unhashable key":
        return "a key must be a text"
    # Names of aliases and tags may be a password that stands without quotes.
    if isinstance(error, yaml.composer.ComposerError | yaml.constructor.ConstructorError):
        return "a text that begins with '*', '&' or '!' must stand in quotes"
    return error.problem or "it cannot be understood"


class _TooMuchRepeated(yaml.MarkedYAMLError):
    """Aliases stand for more than they may."""


class _Loader(yaml.SafeLoader):
    """Counts what aliases repeat before anything is made of it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._sizes: dict[int, int] = {}
        self._repeated = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """As the base class; a node's size is known once it is whole.

        Raises:
            _TooMuchRepeated: an alias repeats too much, or what it stands in itself.
        """
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        mark: Any = event.start_mark
        node = super().compose_node(parent, index)
        if not isinstance(event, yaml.AliasEvent):
            self._sizes[id(node)] = 1 + sum(self._sizes[id(part)] for part in _parts(node))
            return node
        size = self._sizes.get(id(node))
        self._repeated += size or 0
        if size is None:
            raise _TooMuchRepeated(problem="an alias here repeats what it stands in", problem_mark=mark)
        if self._repeated > MOST_REPEATED:
            reason = f"aliases up to here repeat more than {MOST_REPEATED:,} values"
            raise _TooMuchRepeated(problem=reason, problem_mark=mark)
        return node


def _parts(node: yaml.Node | None) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _read_json(text: str) -> Document:
    twice: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs if not is_comment(key)]
            twice.extend(key for key in found if keys.count(key) > 1)
        return found

    data = json.loads(text, object_pairs_hook=unique)
    try:
        # Nearly all JSON is YAML; tabs between the values are what is not.
        node = yaml.compose(text.replace("\t", " "), Loader=_Loader)
    except yaml.YAMLError:
        # The data is good all the same; only its lines stay unknown.
        document = _document(data, None)
        for key in twice:
            document.refuse((key,), "is given twice")
        return document
    return _document(data, node)


def _read_yaml(text: str) -> Document:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        # Before the data is made, which puts what is merged (``<<``) among a mapping's own keys.
        document = _document(None, node)
        data: Any = None if node is None else loader.construct_document(node)
        document.data = data
        return document
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
            own = [(key, item) for key, item in node.value if key.tag != _MERGE]
            children = [(str(key.value), key.start_mark.line, item) for key, item in own]
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
