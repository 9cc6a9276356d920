"""What a person asks of ``rosey up``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of the command, each as its help says; ``configs`` are the configuration files that were named."""

    configs: Sequence[Path] = ()
    channel: str | None = None
    user: str | None = None
    password_file: Path | None = None
    recording: Path | None = None
    speed: float = 1.0
    seconds: float | None = None
    as_json: bool = False
    data: Path | None = None
    nats_port: int = 0
    seed: int = 1
    rate: float = 5.0
    observe: bool = False
