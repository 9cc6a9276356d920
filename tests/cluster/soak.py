"""Half an hour under a crowd that does 200 things a second: nothing is lost, nothing restarts, memory stays flat.

``make soak``; ``ROSEY_SOAK_MINUTES`` is another time.
"""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.cluster.cluster import Release
from tests.cluster.load import Load, changes, said, stored_changes, stored_lines, values

RATE: Final = 200
MINUTES: Final = float(os.environ.get("ROSEY_SOAK_MINUTES", "30"))
INTERVAL_S: Final = 10
GROWTH: Final = 1.1
"""How much larger the memory of the last third may be than that of the second: caches fill in the first."""
COMPONENTS: Final = ("nats", "database", "bot", "simulator")


@pytest.mark.timeout(MINUTES * 60 + 900)
def test_half_an_hour_changes_nothing(make_release: Callable[..., Release], tmp_path: Path) -> None:
    seconds = MINUTES * 60
    load = Load(make_release("soak", values(rate=RATE)), tmp_path)
    release = load.release
    load.until_it_flows()
    memory: dict[str, list[float]] = {"bot": [], "database": []}
    end = time.monotonic() + seconds - INTERVAL_S
    while time.monotonic() < end:
        for service, sizes in memory.items():
            sizes.append(release.metrics(service)["process_resident_memory_bytes"])
        time.sleep(INTERVAL_S)
    load.until_all_is_stored()
    truth, database = load.truth(), load.stored()
    expected, found = said(truth), stored_lines(database)
    print(f"{expected.total()} lines said in {MINUTES:g} minutes")
    assert (expected - found, found - expected) == (Counter(), Counter())
    assert changes(truth) == stored_changes(database)
    assert {component: release.restarts(component) for component in COMPONENTS} == dict.fromkeys(COMPONENTS, 0)
    for service, sizes in memory.items():
        third = len(sizes) // 3
        second, last = statistics.mean(sizes[third : 2 * third]), statistics.mean(sizes[-third:])
        print(f"{service}: {second / 2**20:.1f} MiB in the second third, {last / 2**20:.1f} MiB in the last")
        assert last < GROWTH * second, service
