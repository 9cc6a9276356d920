"""The ten benchmarks of a release, by their names."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from benchmarks.block import block
from benchmarks.names import NAMES
from benchmarks.outcome import Outcome
from benchmarks.release import concurrency, cost, latency, recovery, throughput
from benchmarks.release.extent import Extent
from benchmarks.release.reading import Source
from benchmarks.release.run import Run
from benchmarks.release.target import Release
from benchmarks.release.witness import Witness

Benchmark = Callable[[Run, Outcome], Awaitable[None]]

ALL: Final[dict[str, tuple[str, Benchmark]]] = {
    function.__name__: (group, function)
    for group, functions in {
        "TestLatencyBenchmarks": (
            latency.test_single_event_latency,
            latency.test_request_reply_latency,
            latency.test_concurrent_event_latency,
        ),
        "TestThroughputBenchmarks": (throughput.test_sustained_throughput, throughput.test_burst_handling),
        "TestCPUOverhead": (cost.test_cpu_overhead_comparison,),
        "TestMemoryOverhead": (cost.test_memory_baseline, cost.test_memory_stability_1hour),
        "TestConcurrentOperations": (concurrency.test_concurrent_event_types,),
        "TestFailureRecovery": (recovery.test_service_restart_performance,),
    }.items()
    for function in functions
}


async def take(
    release: Release,
    extent: Extent,
    source: Source | None,
    *,
    witness: Witness | None = None,
    only: Collection[str] = (),
    finished: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Run the benchmarks in their order; says what is done, and prints each one's block.

    Args:
        witness: asked whether it tells what was measured.
        only: which; all where it is empty.
        finished: called with each as soon as it has ended.
    """
    outcomes = []
    for name in NAMES:
        if only and name not in only:
            continue
        group, benchmark = ALL[name]
        outcome = Outcome(name, group=group, description=inspect.cleandoc(benchmark.__doc__ or ""))
        _say(name)
        run = Run(release=release, extent=extent, source=source, witness=witness, is_named=name in only, say=_say)
        begun = time.monotonic()
        try:
            await benchmark(run, outcome)
        except Exception as error:
            # What the others find shall not be lost with it.
            outcome.error = f"{type(error).__name__}: {error}"
        outcome.seconds = time.monotonic() - begun
        outcome.finish()
        print(block(outcome), flush=True)
        if finished is not None:
            finished(outcome)
        outcomes.append(outcome)
    return outcomes


def _say(text: str) -> None:
    print(f"  ... {text}", file=sys.stderr, flush=True)
