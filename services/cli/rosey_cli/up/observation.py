"""What a Prometheus needs to scrape the processes of a run: a configuration, and a list of targets kept up to date.

The processes serve their metrics at any port that is free, another one after each restart; so the configuration names
a file of targets, which Prometheus reads again whenever it changes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from rosey_cli.data_directory import DataDirectory, write_private
from rosey_cli.failure import Failure
from rosey_cli.up.child import Child
from rosey_cli.up.programs import Service

_INTERVAL: Final = "2s"
_NAMESPACE: Final = "local"


class Observation:
    """The files for a Prometheus.

    Args:
        directory: where they are put.
    """

    def __init__(self, directory: DataDirectory) -> None:
        self.configuration: Path = directory.path / "prometheus.yml"
        self._targets = directory.path / "prometheus-targets.json"
        self._written: list[dict[str, Any]] | None = None

    @property
    def command(self) -> str:
        """What a person types to begin."""
        series = self.configuration.with_suffix("")
        return (
            f"prometheus --config.file={self.configuration} --storage.tsdb.path={series} "
            "--enable-feature=exemplar-storage"
        )

    def begin(self) -> None:
        """Write the configuration.

        Raises:
            Failure: it cannot be written.
        """
        config = {
            "global": {"scrape_interval": _INTERVAL, "evaluation_interval": _INTERVAL},
            "rule_files": _rules(),
            "scrape_configs": [
                {"job_name": "rosey", "file_sd_configs": [{"files": [str(self._targets)], "refresh_interval": "1m"}]}
            ],
        }
        # JSON is YAML, too.
        try:
            write_private(self.configuration, json.dumps(config, indent=2).encode() + b"\n")
            self._write([])
        except OSError as error:
            raise Failure(f"{self.configuration} cannot be written: {error.strerror}") from None

    def update(self, children: Sequence[Child]) -> None:
        """Bring the targets up to date with where the processes serve now; safe to call again and again."""
        targets = []
        for child in children:
            url = child.program.health_url if isinstance(child.program, Service) else None
            if url is not None:
                labels = {"job": child.name, "namespace": _NAMESPACE}
                targets.append({"targets": [urlsplit(url).netloc], "labels": labels})
        # A disk that is full is no reason to end the run; the next call tries again.
        with contextlib.suppress(OSError):
            self._write(targets)

    def _write(self, targets: list[dict[str, Any]]) -> None:
        if targets != self._written:
            write_private(self._targets, json.dumps(targets, indent=2).encode() + b"\n")
            self._written = targets


def _rules() -> list[str]:
    """The alert rules of the checkout that this is of; none where it is installed without one."""
    folders = (directory / "observability" / "alerts" for directory in Path(__file__).resolve().parents)
    return [str(folder / "*.yaml") for folder in folders if folder.is_dir()]
