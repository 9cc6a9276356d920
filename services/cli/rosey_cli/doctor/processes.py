"""Checks of the processes that run with a configuration, as far as they have told where they serve their health."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from rosey_cli.data_directory import health_urls
from rosey_cli.doctor.finding import Finding, ok, problem
from rosey_cli.up.scrape import Unreachable, get_readiness, is_alive


async def check(folder: Path) -> AsyncIterator[Finding]:
    """Ask each process that has left its ready file in this folder how it is."""
    for url, name in health_urls(folder).items():
        try:
            await is_alive(url)
        except Unreachable:
            yield problem(name, f"does not answer at {url}", "see its log: it hangs, or it has ended")
            continue
        ready, reasons = await get_readiness(url)
        if ready:
            yield ok(name, "is ready")
        for reason in reasons:
            yield problem(name, reason, "see what else is found here, and its log")
