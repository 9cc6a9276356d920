"""``python -m benchmarks.path``: the event path from CyTube frame to committed row, measured end to end.

Everything runs on this machine's loopback address, in processes and directories of its own. Rounds are interleaved:
each takes every measurement once, and its bounds within the same run. Exit code 1 where an event was lost or doubled.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import sys
import time
from pathlib import Path
from typing import Final

from benchmarks import interruption, report
from benchmarks.measurements.commands import commands
from benchmarks.measurements.drain import drain
from benchmarks.measurements.frames import frames
from benchmarks.measurements.latency import latency_1k, latency_10k
from benchmarks.measurements.memory import memory
from benchmarks.measurements.queries import StatisticsQueries
from benchmarks.measurements.recovery import crash, restart
from benchmarks.measurements.sample import QUICK, Measurement, Scale
from benchmarks.measurements.throughput import throughput
from benchmarks.processes import ROOT
from benchmarks.report import Goal, Results

RESULTS: Final = ROOT / "benchmarks" / "results" / "event-path.json"

GOALS: Final = (
    Goal("throughput_per_s", "durable throughput, published to committed row, events/s", ">=", 20_000),
    Goal("service_per_s", "the service alone on a full stream, events/s"),
    Goal("ratio_to_bare_pull", "  its ratio to own pull without decoding or database", ">=", 0.5),
    Goal("ratio_to_fetch_ack", "  its ratio to nats-py's fetch(500) + ack", ">=", 1.4),
    Goal("ratio_to_own_consumer", "  its ratio to its own consumer, which goes past nats-py's queues"),
    Goal("publish_to_row_1k_ms.p50", "publish to committed row at 1,000/s, p50, ms", "<", 1.2),
    Goal("publish_to_row_1k_ms.p99", "publish to committed row at 1,000/s, p99, ms", "<", 4),
    Goal("publish_to_receipt_1k_ms.p50", "  bound: publish to receipt by own pull, p50, ms"),
    Goal("publish_to_receipt_1k_ms.p99", "  bound: publish to receipt by own pull, p99, ms"),
    Goal("frame_to_row_ms.p50", "CyTube frame to committed row at 1,000/s, 50 channels, p50, ms", "<", 2),
    Goal("frame_to_row_ms.p99", "CyTube frame to committed row at 1,000/s, 50 channels, p99, ms", "<", 8),
    Goal("command_answer_ms.p50", "moderator's command to its answer, bot quiet, 50 channels, p50, ms"),
    Goal("command_answer_ms.p99", "moderator's command to its answer, bot quiet, 50 channels, p99, ms", "<", 20),
    Goal("publish_to_row_10k_ms.p99", "publish to committed row at 10,000/s, p99, ms", "<", 25),
    Goal("publish_to_receipt_10k_ms.p99", "  bound: publish to receipt by own pull, p99, ms"),
    Goal("cpu_us", "CPU an event, publisher and service, at 10,000/s, us", "<=", 90),
    Goal("cpu_ratio_to_direct", "  its ratio to the direct writer", "<", 0.35),
    Goal("cpu_all_us", "  with nats-server's share, us"),
    Goal("cpu_publisher_us", "  the publisher's share, us"),
    Goal("cpu_service_us", "  the service's share, us"),
    Goal("direct_cpu_us", "  the direct writer's, us"),
    Goal("tuned_direct_cpu_us", "  a direct writer's that risks its last events (WAL, NORMAL), us"),
    Goal("cpu_ratio_to_tuned_direct", "  the ratio to that one"),
    Goal("stats_ms.p99", "channel_stats, 1 M lines, 50,000 users, 1,000/s arriving, p99, ms", "<", 5),
    Goal("no_database_ms.p99", "  bound: a request that needs no database, p99, ms"),
    Goal("rss_mb", "database service, resident after 1 M events, MB", "<=", 80),
    Goal("rss_growth_mb", "  its growth over 5 min at 1,000/s, MB", "<", 1),
    Goal("restart_ms", "service stop and start in process, slowest of a run, ms", "<", 50),
    Goal("crash_recovery_s", "from SIGKILL to serving again, s", "<", 2),
)

MEASUREMENTS: Final = (
    "throughput",
    "drain",
    "latency_1k",
    "latency_10k",
    "frames",
    "commands",
    "queries",
    "restart",
    "crash",
)
ONCE: Final = "memory"


async def measure(scale: Scale, wanted: set[str]) -> Results:
    """Take all measurements that are wanted."""
    results = Results()
    queries = StatisticsQueries()
    measurements: dict[str, Measurement] = {
        "throughput": throughput,
        "drain": drain,
        "latency_1k": latency_1k,
        "latency_10k": latency_10k,
        "frames": frames,
        "commands": commands,
        "queries": queries.run,
        "restart": restart,
        "crash": crash,
    }
    try:
        if "queries" in wanted:
            _say("preparing a large database")
            await queries.prepare(scale)
        for number in range(scale.runs):
            for name, measurement in measurements.items():
                if name in wanted:
                    await _take(results, f"run {number + 1} of {scale.runs}", name, measurement, scale)
        if ONCE in wanted:
            await _take(results, "once", ONCE, memory, scale)
    finally:
        queries.close()
    return results


async def _take(results: Results, run: str, name: str, measurement: Measurement, scale: Scale) -> None:
    begun = time.monotonic()
    sample = await measurement(scale)
    results.add(name, sample)
    figures = ", ".join(f"{key} {value:.4g}" for key, value in sample.values.items())
    verdict = sample.verdict
    fate = f"; {verdict.lost} LOST, {verdict.doubled} DOUBLED" if verdict.lost or verdict.doubled else ""
    _say(f"{run}: {name}, {time.monotonic() - begun:.0f} s: {figures}{fate}")


def main() -> int:
    """Measure, print the table, write the file; returns the exit code."""
    parser = argparse.ArgumentParser(prog="rosey bench path", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run of each, for a change at hand")
    parser.add_argument("--runs", type=int, help="runs of each measurement (default: 5, or 1 with --quick)")
    parser.add_argument(
        "--only", action="append", choices=(*MEASUREMENTS, ONCE), help="take this one alone; may be given again"
    )
    parser.add_argument("--output", type=Path, help=f"where results go (default: {RESULTS.relative_to(ROOT)})")
    options = parser.parse_args()
    scale = QUICK if options.quick else Scale()
    if options.runs:
        scale = dataclasses.replace(scale, runs=options.runs)
    begun = time.monotonic()
    results = asyncio.run(measure(scale, set(options.only or (*MEASUREMENTS, ONCE))))
    content = results.as_json(GOALS, scale, time.monotonic() - begun)
    # A part of the whole, or a short form of it, is no result to be kept.
    output = options.output or (None if options.quick or options.only else RESULTS)
    if output is not None:
        report.write(output, content)
    print(results.table(GOALS))
    return 1 if results.verdict.lost or results.verdict.doubled else 0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(interruption.guarded(main))
