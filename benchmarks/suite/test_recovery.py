"""How long it is away."""

from __future__ import annotations

from benchmarks.extent import Extent
from benchmarks.measurements.recovery import crash, restart
from benchmarks.measurements.sample import Scale
from benchmarks.outcome import Outcome
from benchmarks.rows import Bound
from benchmarks.suite import Progress


class TestFailureRecovery:
    async def test_service_restart_performance(self, extent: Extent, outcome: Outcome, progress: Progress) -> None:
        """A restart of the database service under load, in its process and after SIGKILL.

        **The way:** in its process, from the call of `stop` until `start` has returned and events are read again. After
        SIGKILL, from the kill until a new process has answered a request and committed a batch. 1,000 events a second
        are published all the time.

        **Why a user feels it:** for so long a question gets no answer. Events wait in the stream meanwhile.

        **Samples:** 10 restarts in process, of which the slowest counts; two kills, of which the slower counts. The
        load runs for a second before the first restart.

        **It would lie** if the service were idle, or if its return were believed: serving means an answered request and
        a committed batch, and everything that was published is compared with what is stored.
        """
        progress(f"{extent.restarts} restarts in process")
        sample = await restart(Scale(restarts=extent.restarts))
        outcome.judge_fate(sample.verdict)
        taken = sample.raw["restarts_ms"]
        outcome.figure("restart in process, slowest", "ms", [max(taken)], required=Bound("<", 100), goal=Bound("<", 50))
        outcome.figure("restart in process, mean", "ms", taken)
        seconds = []
        for number in range(min(2, extent.rounds)):
            progress(f"kill {number + 1}")
            sample = await crash(Scale())
            outcome.judge_fate(sample.verdict)
            seconds.append(sample.values["crash_recovery_s"])
        outcome.figure("from SIGKILL to serving again, slowest", "s", seconds, goal=Bound("<", 2), worst=True)
