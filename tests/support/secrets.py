"""Secrets in the logs of processes: what configurations of a test hold, looked for in each log that the test left."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

LOGS: Final = {".log", ".out", ".err"}
CONFIGURATIONS: Final = {".json", ".yaml", ".yml"}
MOST_BYTES: Final = 1 << 20
"""A larger file is no configuration."""
_ASSIGNED: Final = re.compile(
    r"""["']?\w*(?:password|token|secret|\bpass)["']?\s*[:=]\s*["']?([^\s"',{}\[\]]{6,})""", re.I
)


def logged(folder: Path) -> dict[str, list[str]]:
    """Log files below a folder in which a secret stands that a configuration below it holds, with those secrets."""
    files = [path for path in folder.rglob("*") if path.suffix in LOGS | CONFIGURATIONS and path.is_file()]
    logs = [path for path in files if path.suffix in LOGS]
    if not logs:
        return {}
    secrets = {secret for path in files if path.suffix in CONFIGURATIONS for secret in _secrets(path)}
    texts = {path: path.read_text(errors="replace") for path in logs}
    found = {str(path): sorted(secret for secret in secrets if secret in text) for path, text in texts.items()}
    return {path: told for path, told in found.items() if told}


def _secrets(path: Path) -> Iterator[str]:
    if path.stat().st_size <= MOST_BYTES:
        yield from _ASSIGNED.findall(path.read_text(errors="replace"))
