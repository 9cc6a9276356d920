"""A service in an image for development begins anew when its code changes, and only then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.waiting import until

ROOT = Path(__file__).parents[2]
MAIN = Path("simulator") / "rosey_simulator" / "main.py"


class Reloaded:
    """A simulator that runs from a copy of its code in ``directory``."""

    def __init__(self, directory: Path) -> None:
        self.code = directory / "code"
        self._output = directory / "output"
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "tools" / "reload.py"), "--port=0"],
                env={**os.environ, "PATH": path, "SERVICE": "simulator", "CODE": str(self.code)},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    async def says(self, text: str) -> None:
        """Wait until it has said this."""
        await until(lambda: text in self._output.read_text(), timeout=30, what=f"it says {text!r}")

    def change(self, before: str, after: str) -> None:
        """Write another text into its module of the process."""
        file = self.code / MAIN
        file.write_text(file.read_text().replace(before, after))

    def end(self) -> int:
        """Ask it to end; returns its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@pytest.fixture
def reloaded(tmp_path: Path) -> Iterator[Callable[[], Reloaded]]:
    """Begin a simulator; the next one runs from the same copy."""
    begun: list[Reloaded] = []

    def begin() -> Reloaded:
        begun.append(Reloaded(tmp_path))
        return begun[-1]

    yield begin
    for one in begun:
        with suppress(ProcessLookupError):
            # With the service, which outlives it otherwise.
            os.killpg(one.process.pid, signal.SIGKILL)
        one.process.wait()


async def test_changed_code_is_at_work_and_stays(reloaded: Callable[[], Reloaded]) -> None:
    simulator = reloaded()
    await simulator.says("listening on http")
    simulator.change("listening on", "changed, on")
    await simulator.says("changed, on http")
    assert simulator.end() == 0
    # As in a container that begins anew with the volume that it had.
    await reloaded().says("changed, on http")


async def test_code_that_does_not_run_is_waited_out(reloaded: Callable[[], Reloaded]) -> None:
    simulator = reloaded()
    await simulator.says("listening on http")
    simulator.change("import argparse\n", "import argparse this\n")
    await simulator.says("SyntaxError")
    assert simulator.process.poll() is None
    simulator.change("import argparse this\n", "import argparse\n")
    simulator.change("listening on", "mended, on")
    await simulator.says("mended, on http")
