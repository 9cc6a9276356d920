"""Liveness, readiness and metrics over HTTP: ``/healthz``, ``/readyz``, ``/metrics``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from rosey_core.http_listener import HttpListener
from rosey_core.telemetry.logs import redacted
from rosey_core.telemetry.metrics import exposition

log = logging.getLogger(__name__)

_SHUTDOWN_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Check:
    """What is known of one thing that the service needs; ``reason`` says what is wrong, or is empty."""

    ok: bool
    reason: str = ""


_NOT_REPORTED: Final = Check(ok=False, reason="not reported yet")


class Health:
    """A service's checks by name. It is ready when there are some and all are fine.

    Args:
        expected: names of checks that have to be reported before the service is ready.
    """

    def __init__(self, *expected: str) -> None:
        self._checks: dict[str, Check] = {}
        self.fatal_reason = ""
        self.expect(*expected)

    def expect(self, *names: str) -> None:
        """From now on the service is ready only when these checks have been reported, too."""
        for name in names:
            self._checks.setdefault(name, _NOT_REPORTED)

    def forget(self, *names: str) -> None:
        """From now on the service needs these no more."""
        for name in names:
            self._checks.pop(name, None)

    def ok(self, name: str) -> None:
        """Report that ``name`` is fine."""
        self._note(name, Check(ok=True))

    def fail(self, name: str, reason: str) -> None:
        """Report that ``name`` is not fine, and why."""
        self._note(name, Check(ok=False, reason=reason))

    def report(self, name: str, problem: str | None) -> None:
        """Report that ``name`` is fine, or where there is a problem, that it is not."""
        if problem is None:
            self.ok(name)
        else:
            self.fail(name, problem)

    def fatal(self, reason: str) -> None:
        """Report what only a new process can mend: the service is neither alive nor ready any more."""
        self.fatal_reason = reason
        log.critical("fatal: %s", reason)

    def _note(self, name: str, check: Check) -> None:
        before = self._checks.get(name)
        if check == before:
            return
        self._checks[name] = check
        if not check.ok:
            # What a service is only about to have is nothing to warn of.
            level = logging.INFO if before in (None, _NOT_REPORTED) else logging.WARNING
            log.log(level, "unready: %s: %s", name, check.reason)
        elif self.ready:
            log.info("ready")

    @property
    def checks(self) -> dict[str, Check]:
        """A copy of all checks by name."""
        return dict(self._checks)

    @property
    def alive(self) -> bool:
        """Whether the process can go on; that it answers at all shows that its event loop runs."""
        return not self.fatal_reason

    @property
    def ready(self) -> bool:
        """Whether the service does what it is for."""
        return self.alive and bool(self._checks) and all(check.ok for check in self._checks.values())

    @property
    def reason(self) -> str:
        """Why it is not ready, for people; empty when it is."""
        failing = [f"{name}: {check.reason}" for name, check in self._checks.items() if not check.ok]
        return "; ".join(filter(None, [self.fatal_reason, *failing]))


class HealthCollector(Collector):
    """A service's checks as metrics, as they are when somebody asks.

    Args:
        health: the checks.
    """

    def __init__(self, health: Health) -> None:
        self._health = health

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One sample for the whole, and one a check."""
        ready = self._health.ready
        yield GaugeMetricFamily("rosey_health_ready", "1 while the process does what it is for.", value=ready)
        checks = GaugeMetricFamily("rosey_health_check", "1 while this is as it should be.", labels=["check"])
        for name, check in self._health.checks.items():
            checks.add_metric([name], check.ok)
        yield checks


class HealthServer:
    """Serves a service's health and metrics.

    Args:
        health: what to tell.
        registry: the metrics to expose.
        host: the address to listen on.
        port: the port; 0 for any that is free, then see :attr:`port`.
    """

    def __init__(self, health: Health, registry: CollectorRegistry, host: str = "127.0.0.1", port: int = 0) -> None:
        self._health = health
        self._registry = registry
        self._listener: Final = HttpListener(host, port)

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be had.
        """
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._metrics)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN_SECONDS)
        await self._listener.start(runner)

    async def stop(self) -> None:
        """Stop listening; safe to call at any time."""
        await self._listener.stop()

    @property
    def port(self) -> int:
        """The port that it listens on.

        Raises:
            RuntimeError: it does not listen.
        """
        return self._listener.port

    @property
    def url(self) -> str:
        """Where it is, without a path; see :attr:`port` for what it raises."""
        return self._listener.url

    async def _healthz(self, request: web.Request) -> web.Response:
        alive = self._health.alive
        body = {"alive": alive, "reason": redacted(self._health.fatal_reason)}
        return web.json_response(body, status=200 if alive else 503)

    async def _readyz(self, request: web.Request) -> web.Response:
        ready = self._health.ready
        checks = {
            name: {"ok": check.ok, "reason": redacted(check.reason)} for name, check in self._health.checks.items()
        }
        return web.json_response({"ready": ready, "checks": checks}, status=200 if ready else 503)

    async def _metrics(self, request: web.Request) -> web.Response:
        body, content_type = exposition(self._registry, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})
