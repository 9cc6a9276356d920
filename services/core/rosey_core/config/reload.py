"""Changes of the configuration, brought into a service at work: when it is asked to, and when a file changes."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Collection, Iterable
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from rosey_core.config.errors import ConfigError
from rosey_core.config.models import NOT_IN_A_FILE, Config
from rosey_core.telemetry import logs
from rosey_core.telemetry.metrics import ConfigurationMetrics

Apply = Callable[[Config], Awaitable[None]]

WATCH_INTERVAL_S: Final = 1.0
"""Between two looks at the files. A change is read when it has not gone on for as long: it may be half written."""

REPEAT_AFTER_LOOKS: Final = 5
"""Looks after which what was refused is read once more: a file that it refers to may come later, and is not watched."""

_LOGGING: Final = ("logging.level", "logging.format")
_NO_SETTING: Final = ("legacy", *NOT_IN_A_FILE)

log = logging.getLogger(__name__)

_Stamp = tuple[tuple[int, int, int] | None, ...]


class Reload:
    """Reads the configuration again and applies what can be applied; what cannot is told, by its key.

    A configuration that is broken, or that the service fails to apply, leaves the one before in force. How to log is
    applied here; what else can be, the service says with ``offer``.

    Args:
        config: what the service began with.
        load: reads it again.
        registry: for the metrics.
        interval: seconds between two looks at the files.
        log_with: takes the level and the format of the log.
    """

    def __init__(
        self,
        config: Config,
        load: Callable[[], Config],
        registry: CollectorRegistry,
        *,
        interval: float = WATCH_INTERVAL_S,
        log_with: Callable[[str, logs.Format], None] = logs.configure,
    ) -> None:
        self._config = config
        self._load: Final = load
        self._metrics: Final = ConfigurationMetrics(registry)
        self._interval: Final = interval
        self._log_with: Final = log_with
        self._running = _settings(config)
        self._appliable: tuple[str, ...] = _LOGGING
        self._unused: tuple[str, ...] = ()
        self._apply: Apply | None = None
        self._asked: Final = asyncio.Event()
        self._refusal = ""
        self._known = self._stamp()

    def offer(self, apply: Apply, keys: Collection[str], *, unused: Collection[str] = ()) -> None:
        """From now on the service takes changes.

        Args:
            apply: brings a configuration into the service; where it raises, the one before stays in force.
            keys: what it applies: keys, and sections as a whole.
            unused: what the service never reads, and whose changes are nothing to it.
        """
        self._apply = apply
        self._appliable = (*_LOGGING, *keys)
        self._unused = tuple(unused)
        if _settings(self._config) != self._running:
            # It has changed while the service started.
            self.ask()

    def ask(self) -> None:
        """Read it again now, whether a file has changed or not."""
        self._asked.set()

    async def run(self) -> None:
        """Wait for changes, and bring them in, until cancelled."""
        seen = self._known
        looks = 0
        while True:
            asked = await self._wait()
            now = self._stamp()
            looks = looks + 1 if self._refusal else 0
            if asked or now == seen != self._known:
                # Whoever asks is told, even if it is the same again.
                looks, self._refusal = 0, ""
                await self.reload()
            elif looks >= REPEAT_AFTER_LOOKS:
                looks = 0
                await self.reload()
            seen = now

    async def reload(self) -> None:
        """Read the configuration again, and apply it as far as that goes."""
        # Before it is read: what changes from here on is another change.
        self._known = self._stamp()
        try:
            # A large file takes its time.
            config = await asyncio.to_thread(self._load)
        except ConfigError as error:
            if str(error) != self._refusal:
                self._refusal = str(error)
                self._failed("refused", f"configuration: not reloaded, the one before stays in force:\n{error}")
            return
        except Exception as error:
            self._failed("failed", f"configuration: not read, the one before stays in force: {error}", error)
            return
        self._refusal = ""
        settings = _settings(config)
        changed = [key for key in sorted(self._running | settings) if self._running.get(key) != settings.get(key)]
        appliable = [key for key in changed if _is_one_of(key, self._appliable)]
        unused = [key for key in changed if _is_one_of(key, self._unused) and key not in appliable]
        if appliable:
            try:
                await self._bring_in(config)
            except Exception as error:
                self._failed("failed", f"configuration: not applied, the one before stays in force: {error}", error)
                return
        # What waits for a restart is told again at the next time.
        for key in (*appliable, *unused):
            self._running[key] = settings.get(key)
        self._tell(config, appliable, sorted(set(changed) - {*appliable, *unused}))
        if config.referenced != self._config.referenced:
            self._config = config
            self._known = self._stamp()
        self._config = config
        self._metrics.reloads["applied"].inc()
        self._metrics.in_force.set(1)

    async def _bring_in(self, config: Config) -> None:
        if self._apply is not None:
            await self._apply(config)
        if any(_settings(config)[key] != self._running[key] for key in _LOGGING):
            self._log_with(config.logging.level, config.logging.format)

    def _tell(self, config: Config, applied: list[str], waiting: list[str]) -> None:
        if applied:
            log.info("configuration: reloaded: %s", ", ".join(applied))
        elif not waiting:
            log.info("configuration: read again, and nothing that matters here has changed")
        if waiting:
            log.warning("configuration: takes effect after a restart only: %s", ", ".join(waiting))
        for warning in config.warnings:
            if warning not in self._config.warnings:
                log.warning("configuration: %s", warning)

    def _failed(self, outcome: str, text: str, error: Exception | None = None) -> None:
        log.error("%s", text, exc_info=error)
        self._metrics.reloads[outcome].inc()
        self._metrics.in_force.set(0)

    async def _wait(self) -> bool:
        """Wait until it is asked for, or for the next look; returns whether it was asked for."""
        try:
            await asyncio.wait_for(self._asked.wait(), self._interval)
        except TimeoutError:
            return False
        self._asked.clear()
        return True

    def _stamp(self) -> _Stamp:
        """What tells the files that are there now from any others."""
        source = () if self._config.source is None else (self._config.source,)
        return tuple(map(_stamp_of, (*source, *self._config.referenced)))


def _stamp_of(path: Path) -> tuple[int, int, int] | None:
    try:
        # Through links: Kubernetes changes a mounted file by another link.
        status = os.stat(os.path.expanduser(path))
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _settings(config: Config) -> dict[str, Any]:
    """Every setting by its dotted key; the platforms as one."""
    found: dict[str, Any] = {}

    def add(section: BaseModel, at: str) -> None:
        for name in type(section).model_fields:
            value = getattr(section, name)
            if isinstance(value, BaseModel):
                add(value, f"{at}{name}.")
            elif at or name not in _NO_SETTING:
                found[f"{at}{name}"] = value

    add(config, "")
    return found


def _is_one_of(key: str, keys: Iterable[str]) -> bool:
    return any(key == known or key.startswith(f"{known}.") for known in keys)
