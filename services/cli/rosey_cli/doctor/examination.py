"""The whole examination, from the configuration to the channels."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rosey_cli.data_directory import DataDirectory, held_directories
from rosey_cli.doctor import cytube, database, machine, nats, processes
from rosey_cli.doctor.finding import Finding, counted, ok, problem, warning
from rosey_core.config import Config, ConfigError, load

_NOISY: Final = ("rosey_core.bus", "rosey_bot", "nats")


def configuration(file: Path | None, data: Path | None) -> Path | None:
    """The file that is meant: the one named, else that of the ``rosey up`` that is named or runs here alone."""
    if file is not None:
        return file
    if data is not None:
        return DataDirectory(data.expanduser().absolute()).configuration
    here = held_directories()
    return here[0].configuration if len(here) == 1 else None


async def examine(
    file: Path | None, *, logs_in: bool = False, clock: Callable[[], float] = time.time
) -> AsyncIterator[Finding]:
    """Look at everything, the foundations first.

    Args:
        file: the configuration; ``None``: what the environment says.
        logs_in: whether to join the channels and log in.
        clock: Unix seconds.
    """
    yield machine.python_version()
    try:
        config = load(file)
    except ConfigError as error:
        yield problem(
            "configuration", str(error), "mend it; rosey config check judges it, rosey config schema describes it"
        )
        return
    for text in config.warnings:
        yield warning("configuration", text, "change it when it suits you: it still works")
    yield ok("configuration", f"{file or 'the environment'} is good, with {counted(len(config.channels), 'channel')}")
    if file is not None:
        async for finding in processes.check(file.parent):
            yield finding
    with _quiet():
        async for finding in _examine(config, logs_in=logs_in, clock=clock):
            yield finding


async def _examine(config: Config, *, logs_in: bool, clock: Callable[[], float]) -> AsyncIterator[Finding]:
    yield await machine.health_port(config.health.host, config.health.port)
    yield machine.folder("spool", config.bot.spool_dir)
    file = database.path(config)
    position = None
    if file is None:
        yield ok("database", "not looked at: it is no file here")
    else:
        for finding in await asyncio.to_thread(lambda: list(database.check(file))):
            yield finding
        position = await asyncio.to_thread(database.stored_position, file)
    async for finding in nats.check(config, position=position, clock=clock):
        yield finding
    async for finding in cytube.check(config.channels, logs_in=logs_in, clock=clock):
        yield finding


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep out of the output what the parts would log: the findings say it."""
    loggers = [logging.getLogger(name) for name in _NOISY]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
