"""What so many channels take: CPU and memory of each container, and bytes on disk for an event.

``make sizes`` prints the table of docs/deploy/kubernetes.md. The crowd says and does half a thing a second in each
channel, joins and leaves among them.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import pytest

from tests.cluster.cluster import Release, until
from tests.cluster.usage import COMPONENTS, Usage, usage

COUNTS: Final = tuple(map(int, os.environ.get("ROSEY_SIZES_CHANNELS", "0 1 10 50").split()))
SECONDS: Final = float(os.environ.get("ROSEY_SIZES_SECONDS", "60"))
RATE: Final = 0.5
IDLE_MEMORY: Final = 250e6
IDLE_CORES: Final = 0.1
MONITOR: Final = "import urllib.request as r; print(r.urlopen('http://rosey-nats-headless:8222/jsz').read().decode())"
STORED: Final = """
SELECT (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size), sequence FROM ingest_position
"""


def values(channels: int) -> dict[str, Any]:
    """Values of a release that sits in so many channels of a simulated site."""
    names = [f"room{number}" for number in range(channels)]
    site = "http://rosey-simulator:8080"
    return {
        # So that NATS' own figures can be read.
        "networkPolicy": {"enabled": False},
        "bot": {
            "channels": [{"channel": name, "server": site, "user": "Rosey"} for name in names[1:]],
            "connectionsPerAddress": 1000,
            "connectionInterval": 0.01,
            "guestLoginInterval": 0.01,
        },
        "simulator": {
            "enabled": bool(names),
            "channel": "room0",
            "crowd": {"users": 10, "rate": RATE * max(channels, 1)},
            "extraArgs": [f"--channel={name}" for name in names[1:]],
        },
    }


def later(release: Release, before: dict[str, Usage]) -> dict[str, Usage]:
    """The next figures of all containers that are not those from before."""

    def found() -> dict[str, Usage] | None:
        now = usage(release)
        fresh = all(name in now and now[name].at != before.get(name, Usage("", 0, 0)).at for name in COMPONENTS)
        return now if fresh else None

    result: dict[str, Usage] = until(found, what="the kubelet has new figures", timeout=60, poll=1)
    return result


@pytest.mark.timeout(SECONDS + 600)
@pytest.mark.parametrize("channels", COUNTS)
def test_sizes(make_release: Callable[..., Release], channels: int) -> None:
    release = make_release(f"sizes-{channels}", values(channels))
    in_all = [f'rosey_bot_connected{{channel="room{number}"}}' for number in range(channels)]
    until(lambda: all(release.metrics("bot").get(name) == 1 for name in in_all), what="the bot is everywhere")
    # What starts, and what enters a room, takes more than what stays.
    time.sleep(SECONDS / 3)
    first = later(release, usage(release))
    time.sleep(SECONDS)
    last = later(release, first)
    cells = [str(channels)]
    cores = 0.0
    for name in COMPONENTS:
        took, memory = last[name].cpu - first[name].cpu, last[name].memory
        share = took / (seconds(last[name].at) - seconds(first[name].at))
        cores += share
        cells.append(f"{1000 * share:.0f} m, {memory / 2**20:.0f} MiB")
    [(database, events)] = release.query(STORED) or [(0, 0)]
    stream = json.loads(release.namespace.python("deployment/rosey-database", MONITOR))["storage"]
    cells += [f"{events}", f"{stream / events:.0f} B" if events else "", f"{database / 1e6:.1f} MB"]
    print(f"\n| {' | '.join(cells)} |")
    if not channels:
        assert sum(each.memory for each in last.values()) < IDLE_MEMORY
        assert cores < IDLE_CORES
    release.uninstall()


def seconds(text: str) -> float:
    """Unix seconds of a time as Kubernetes writes it."""
    return datetime.fromisoformat(text).timestamp()
