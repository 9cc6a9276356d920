"""What the ten benchmarks share: how much is done, where results go, and what makes one fail."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Generator, Iterator
from typing import Final

import pytest

from benchmarks.block import block
from benchmarks.extent import FULL, QUICK, Extent
from benchmarks.names import HOUR, NAMES
from benchmarks.outcome import Outcome
from benchmarks.rows import Rating
from benchmarks.suite import OUTCOMES, Progress

TIMEOUT_S: Final = 300
HOUR_TIMEOUT_S: Final = 4500
ERROR_CHARACTERS: Final = 2000


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("benchmarks")
    group.addoption("--quick", action="store_true", help="a short form of each benchmark, for a change at hand")
    group.addoption("--long", action="store_true", help="the hour of memory stability, too")


def pytest_configure(config: pytest.Config) -> None:
    config.stash.setdefault(OUTCOMES, [])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--long"):
        config.hook.pytest_deselected(items=[item for item in items if item.name == HOUR])
        items[:] = [item for item in items if item.name != HOUR]
    items.sort(key=lambda item: NAMES.index(item.name))
    for item in items:
        item.add_marker(pytest.mark.timeout(HOUR_TIMEOUT_S if item.name == HOUR else TIMEOUT_S))


@pytest.fixture
def extent(request: pytest.FixtureRequest) -> Extent:
    """How much is done."""
    return QUICK if request.config.getoption("--quick") else FULL


@pytest.fixture
def progress() -> Progress:
    """Says what is being done."""

    def say(text: str) -> None:
        print(f"  ... {text}", file=sys.stderr, flush=True)

    return say


@pytest.fixture
def outcome(request: pytest.FixtureRequest) -> Iterator[Outcome]:
    """Takes what the benchmark finds."""
    function = request.function
    made = Outcome(
        function.__name__,
        group=request.cls.__name__,
        description=inspect.cleandoc(function.__doc__ or ""),
    )
    request.config.stash[OUTCOMES].append(made)
    print(f"\n{made.name}", file=sys.stderr, flush=True)
    yield made
    print(block(made), flush=True)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Take the benchmark's time, and fail it where a requirement is not met or an event was lost."""
    made = pyfuncitem.funcargs["outcome"]
    assert isinstance(made, Outcome)
    begun = time.monotonic()
    try:
        result = yield
    except BaseException as error:
        made.error = f"{type(error).__name__}: {error}"[:ERROR_CHARACTERS]
        raise
    finally:
        made.seconds = time.monotonic() - begun
        made.finish()
    failed = [f"{row.metric}: {row.result:.4g} {row.unit}" for row in made.rows if row.verdict is Rating.FAIL]
    assert not failed, "; ".join(failed)
    return result
