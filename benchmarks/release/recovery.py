"""How long a release is away."""

from __future__ import annotations

from benchmarks.outcome import Outcome
from benchmarks.release.run import Run
from benchmarks.rows import Bound

REASON = (
    "a release is not restarted by its benchmark, which has no right to; "
    "`rosey bench --only test_service_restart_performance` measures it on a machine of your own"
)


async def test_service_restart_performance(run: Run, outcome: Outcome) -> None:
    """A restart of the database service under load: not run, since it would take the service from its users."""
    outcome.omit("restart in process, slowest", "ms", REASON, required=Bound("<", 100))
