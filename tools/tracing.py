"""Which tests of ``make test`` run first, and which with coverage: a plugin of pytest, for ``tools/test.py``.

Tests of whole processes, crashes and crowds, and those that try thousands of random cases, take longest: they come
first, so that none is left at the end to be waited for by one process alone. Coverage would double or triple their
time, and all that they execute others execute too; so they run without it, and so do others of which that is true.
Processes that tests start run without it, but those that alone execute something: each would take a third longer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import coverage
import pytest

FIRST: Final = (
    "tests/system",
    "tests/integration/adversary",
    "tests/integration/outbox",
    "tests/integration/crowd",
    "tests/integration/recordings",
    "tests/integration/malformed",
    "tests/integration/pool/test_pool.py",
    "tests/integration/operator/test_truth.py",
    "tests/integration/operator/test_faults.py",
    "tests/integration/flows/test_killed_bot.py",
    "tests/integration/benchmarks",
    "tests/unit/bot_pool",
    "tests/unit/bot/commands/test_arguments.py",
    "tests/unit/bot/commands/test_fuzz.py",
    "tests/unit/bot/test_malformed_frames.py",
    "tests/unit/core/test_config_mutations.py",
    "tests/unit/crowd",
    "tests/unit/database/test_effects.py",
)
"""Run first and without coverage."""
UNTRACED: Final = (
    *FIRST,
    "tests/integration/ingest/test_ingest.py",
    "tests/unit/documents",
    "tests/unit/observability",
    "tests/unit/operator/test_convergence.py",
)
"""Run without coverage."""
CHILDREN: Final = ("tests/unit/cli/test_guard.py", "tests/unit/simulator/test_main.py")
"""The processes that these start run with coverage."""
STARTED: Final = "COVERAGE_PROCESS_START"
"""What tells a Python process, by coverage's own .pth file, to count what it executes."""


def _place(item: pytest.Item, parts: tuple[str, ...] = FIRST) -> int:
    """Where in ``parts`` a test is; all others come after it."""
    path = item.path.relative_to(item.config.rootpath)
    return next((place for place, part in enumerate(parts) if path.is_relative_to(Path(part))), len(parts))


def _is_in(item: pytest.Item, parts: tuple[str, ...]) -> bool:
    return _place(item, parts) < len(parts)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=_place)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    tracer = coverage.Coverage.current()
    if tracer is None:
        return (yield)
    is_traced = not _is_in(item, UNTRACED)
    configuration = os.environ[STARTED]
    if not _is_in(item, CHILDREN):
        del os.environ[STARTED]
    if not is_traced:
        tracer.stop()
    try:
        return (yield)
    finally:
        os.environ[STARTED] = configuration
        if not is_traced:
            tracer.start()


def pytest_sessionfinish() -> None:
    # Now, and not at the process's exit: on a busy machine xdist does not wait until that is done.
    tracer = coverage.Coverage.current()
    if tracer is not None:
        tracer.stop()
        tracer.save()
