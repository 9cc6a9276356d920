"""Finds what is installed under ``rosey.commands``, and takes of it what fits.

A plugin that cannot be imported, or that would take a command's name away, costs one line in the log and itself.
"""

from __future__ import annotations

import dataclasses
import inspect
import logging
import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from rosey_bot.commands.answers import Answer
from rosey_bot.commands.arguments import Parameter
from rosey_bot.commands.registry import Command, Request
from rosey_bot.plugins.guard import INVALID, Failed, Guard
from rosey_bot.plugins.interface import Plugin

log = logging.getLogger(__name__)

GROUP: Final = "rosey.commands"
IMPORT: Final = "import"
MISSING: Final = "missing"
CLASH: Final = "clash"

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A plugin that is in use.

    Attributes:
        guard: runs what is its.
        commands: its commands, guarded.
        plugin: it itself.
    """

    guard: Guard
    commands: tuple[Command, ...]
    plugin: Plugin


def load_plugins(
    failed: Failed,
    *,
    taken: Iterable[str],
    wanted: Collection[str] | None = None,
    make_guard: Callable[[str, Failed], Guard] = Guard,
) -> list[Loaded]:
    """Import the plugins that are installed, in the order of their names.

    Args:
        failed: told of each failure.
        taken: names of commands that plugins cannot have.
        wanted: names of the plugins to import; ``None`` for all.
        make_guard: makes what runs a plugin's code.
    """
    names = set(taken)
    loaded = []
    installed = sorted(entry_points(group=GROUP), key=lambda entry: (entry.name, entry.value))
    for missing in sorted(set(wanted or ()) - {entry.name for entry in installed}):
        make_guard(missing, failed).complain(MISSING, "is wanted (bot.plugins), and is not installed here")
    for entry in installed:
        if wanted is not None and entry.name not in wanted:
            log.info("plugin %s of %s is installed and not wanted (bot.plugins)", entry.name, _origin(entry))
            continue
        guard = make_guard(entry.name, failed)
        plugin = _import(entry, guard)
        if plugin is None:
            continue
        commands = []
        for command in plugin.commands:
            problem, reason = _problem(command), INVALID
            if problem is None and command.name in names:
                problem, reason = f"there is a command {command.name!r} already", CLASH
            if problem is not None:
                text = f"a command of {_origin(entry)} is left out: {problem}"
                guard.complain(reason, text, is_repeated=False)
                continue
            names.add(command.name)
            commands.append(_guarded(command, guard))
        loaded.append(Loaded(guard, tuple(commands), plugin))
        log.info("plugin %s of %s: %s", entry.name, _origin(entry), ", ".join(each.name for each in commands) or "-")
    return loaded


def _import(entry: EntryPoint, guard: Guard) -> Plugin | None:
    # Before: one that hangs is known by this line.
    log.debug("importing plugin %s of %s", entry.name, _origin(entry))
    try:
        found = entry.load()
    except (Exception, SystemExit) as error:
        text = " ".join(str(error).split())
        guard.complain(IMPORT, f"{_origin(entry)} cannot be imported: {type(error).__name__}: {text}")
        return None
    if isinstance(found, Command):
        return Plugin(commands=(found,))
    if isinstance(found, list | tuple):
        return Plugin(commands=tuple(found))
    if isinstance(found, Plugin) and (found.hear is None or inspect.iscoroutinefunction(found.hear)):
        return found
    if isinstance(found, Plugin):
        guard.complain(INVALID, f"{_origin(entry)}: hear is no async function")
        return None
    guard.complain(INVALID, f"{_origin(entry)} is a {type(found).__name__}, not a Plugin, a Command or several of them")
    return None


def _origin(entry: EntryPoint) -> str:
    distribution = entry.dist
    return entry.value if distribution is None else f"{distribution.name} {distribution.version} ({entry.value})"


def _problem(command: Any) -> str | None:
    if not isinstance(command, Command):
        return f"it is a {type(command).__name__}"
    if not isinstance(command.name, str) or _NAME.fullmatch(command.name) is None:
        return f"{command.name!r} is no name: up to 32 of a-z, 0-9, '_' and '-'"
    if not inspect.iscoroutinefunction(command.answer):
        return f"the answer of {command.name!r} is no async function"
    # help shows them all: one that cannot be shown would take help away from everybody.
    if not isinstance(command.parameters, tuple) or not all(isinstance(each, Parameter) for each in command.parameters):
        return f"the parameters of {command.name!r} are no tuple of Parameter"
    if not isinstance(command.summary, str) or not isinstance(command.rank, int | float):
        return f"summary or rank of {command.name!r} are not text and a number"
    return None


def _guarded(command: Command, guard: Guard) -> Command:
    answer: Callable[[Request], Any] = command.answer

    async def called(request: Request) -> Any:
        # Within the guard: what takes other arguments raises at once.
        return await answer(request)

    async def guarded(request: Request) -> Answer:
        return guard.bounded(await guard.run(called(request), command.name), command.name)

    return dataclasses.replace(command, answer=guarded)
