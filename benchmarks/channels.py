"""Many channels in one bot process: what CPU it takes, and how its memory grows with their number.

In every channel people talk, five lines a second; each comes to the bot as a frame over the channel's own socket and
goes to JetStream as an event, so that no frame is a cheap one. CPU is the process's own, user and system, against the
time that passed; memory is resident, read at the end of the load, and its slope over the numbers of channels is what
a channel costs.

It would lie if the load were not what it says: the lines that the bot published are counted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import interruption
from benchmarks.processes import CpuMeter, resident_mb
from benchmarks.simulator import BOT
from benchmarks.stage import Stage
from rosey_core import streams, subjects

COUNTS: Final = (20, 100, 200)
RATE: Final = 5.0
"""Frames a second in each channel."""
USERS: Final = 5
DELIVERY_TIMEOUT_S: Final = 20.0
CPU_LIMIT: Final = 1.0
"""Cores."""
MEMORY_LIMIT_MB: Final = 1.5
"""For each channel."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a bot took.

    Attributes:
        channels: how many it sat in.
        cores: CPU seconds in a second.
        resident_mb: memory at the end.
        lines: chat lines that it published.
        expected: chat lines that were said.
    """

    channels: int
    cores: float
    resident_mb: float
    lines: int
    expected: int


async def load(channels: int, seconds: float) -> Load:
    """Let a bot sit in so many channels for so many seconds of talk."""
    async with Stage() as stage:
        simulator = await stage.program("simulator", "--channels", channels, "--users", USERS)
        url = (await simulator.report())["url"]
        platforms = [{"server": url, "channel": f"room{number}", "user": BOT} for number in range(channels)]
        limits = {"connections_per_address": channels, "connection_interval": 0.01, "guest_login_interval": 0.001}
        bot = await stage.service(
            [str(Path(sys.executable).with_name("rosey-bot"))],
            "bot",
            {"platforms": platforms, "bot": {"spool_dir": str(stage.directory / "spool"), **limits}},
        )
        expected = round(channels * RATE * seconds)
        meter, began = CpuMeter(bot=bot.pid), time.monotonic()
        await simulator.ask(act="say", first=0, count=expected, rate=channels * RATE)
        took = meter.microseconds(1)["bot"] / 1e6 / (time.monotonic() - began)
        resident = resident_mb(bot.pid)
        lines = await _published(stage, expected)
        await bot.stop()
        simulator.nudge()
        await simulator.wait()
        return Load(channels, took, resident, lines, expected)


async def _published(stage: Stage, expected: int) -> int:
    """How many lines are in the stream, when there are enough or no more come in time."""
    _, subject = subjects.in_every_form(subjects.MESSAGE_LOG)
    lines, deadline = 0, time.monotonic() + DELIVERY_TIMEOUT_S
    while lines < expected and time.monotonic() < deadline:
        await asyncio.sleep(0.2)
        found = (await stage.client.jsm().stream_info(streams.EVENTS, subjects_filter=subject)).state.subjects or {}
        lines = sum(found.values())
    return lines


def slope(loads: list[Load]) -> float:
    """Memory for each channel more, by least squares."""
    middle = sum(load.channels for load in loads) / len(loads)
    mean = sum(load.resident_mb for load in loads) / len(loads)
    spread = sum((load.channels - middle) ** 2 for load in loads)
    return sum((load.channels - middle) * (load.resident_mb - mean) for load in loads) / spread


async def measure(counts: list[int], seconds: float) -> bool:
    """Measure, print, and say whether all is within its limits."""
    loads = []
    for count in counts:
        # The figure that is promised is that of the most channels: only there is the time needed.
        loads.append(await load(count, seconds if count == max(counts) else min(seconds, 10.0)))
        print(json.dumps({name: round(getattr(loads[-1], name), 3) for name in Load.__slots__}), flush=True)
    most, growth = loads[-1], slope(loads)
    is_complete = all(load.lines == load.expected for load in loads)
    print(f"{most.channels} channels at {RATE:g} frames/s: {most.cores:.2f} cores (limit {CPU_LIMIT:g})")
    print(f"memory for each channel: {growth:.2f} MB (limit {MEMORY_LIMIT_MB:g})")
    print("every line was published" if is_complete else "LINES ARE MISSING: the figures mean nothing")
    return is_complete and most.cores < CPU_LIMIT and growth <= MEMORY_LIMIT_MB


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.channels", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of load with the most channels")
    parser.add_argument("--channels", type=int, nargs="+", default=list(COUNTS), metavar="N")
    options = parser.parse_args()
    return 0 if asyncio.run(measure(sorted(options.channels), options.seconds)) else 1


if __name__ == "__main__":
    sys.exit(interruption.guarded(main))
