"""A shell script in the place of a program, for tests of what keeps programs alive."""

from __future__ import annotations

from pathlib import Path

from rosey_cli.up.program import Program


class Script(Program):
    """A shell script as a program; it is ready when it has made the file ``$READY``."""

    start_seconds = 5.0
    stop_seconds = 5.0

    def __init__(self, directory: Path, script: str, name: str = "script") -> None:
        super().__init__(name, directory / f"{name}.log")
        self.ready_file = directory / f"{name}.ready"
        self.script = script

    def command(self) -> list[str]:
        self.ready_file.unlink(missing_ok=True)
        return ["/bin/sh", "-c", self.script]

    def environment(self) -> dict[str, str]:
        return {"READY": str(self.ready_file)}

    async def is_ready(self, pid: int) -> bool:
        return self.ready_file.exists()
