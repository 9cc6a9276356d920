"""A real Prometheus for tests: scrapes what it is told to each second.

The rules are those of this repository with all their times 30 times shorter, so that a test can wait for them.
"""

from __future__ import annotations

import json
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Self

from rosey_cli.up.programs import LOOPBACK, free_port

ALERTS: Final = Path(__file__).parents[2] / "observability" / "alerts"
SHORTER: Final = 30
"""Times in rules are so many times shorter."""
START_S: Final = 20.0
_POLL_S: Final = 0.1


class Prometheus:
    """One server, as a context.

    Args:
        directory: for its configuration, its series and its log.
        targets: ``host:port`` of what to scrape.
    """

    def __init__(self, directory: Path, targets: list[str]) -> None:
        directory.mkdir()
        self._directory = directory
        self._address = f"{LOOPBACK}:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None
        for file in ALERTS.glob("*.yaml"):
            (directory / f"rules_{file.name}").write_text(_shortened(file.read_text()))
        config = {
            # Who does not answer in time counts as absent, and a busy machine may take half a second for an answer.
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "500ms"},
            "rule_files": ["rules_*.yaml"],
            "scrape_configs": [{"job_name": "rosey", "static_configs": [{"targets": targets}]}],
        }
        # JSON is YAML, too.
        (directory / "prometheus.yml").write_text(json.dumps(config))

    def __enter__(self) -> Self:
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={self._directory / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._directory / 'series'}",
                    f"--web.listen-address={self._address}",
                    "--enable-feature=exemplar-storage",
                ],
                stdout=log,
                stderr=log,
            )
        self.wait_until(self._is_ready, "Prometheus is ready")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The instant vector that an expression comes to."""
        result: list[dict[str, Any]] = self._get("query", query=expression)["result"]
        return result

    def value(self, expression: str) -> float | None:
        """The one value that an expression comes to, ``None`` where it comes to none."""
        found = self.query(expression)
        assert len(found) < 2, found
        return float(found[0]["value"][1]) if found else None

    def firing(self) -> set[str]:
        """The names of the rules that fire now."""
        return {rule["name"] for rule in self.rules() if rule["state"] == "firing"}

    def raised(self) -> set[str]:
        """The names of the rules that fire now, or will if it goes on."""
        return {rule["name"] for rule in self.rules() if rule["state"] != "inactive"}

    def rules(self) -> list[dict[str, Any]]:
        """All rules as they are now."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def wait_until(self, condition: Callable[[], Any], what: str, timeout: float = START_S) -> Any:
        """Return the first true value of ``condition``."""
        deadline = time.monotonic() + timeout
        while not (value := condition()):
            assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}"
            time.sleep(_POLL_S)
        return value

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._directory / "log").read_text()
        try:
            with urllib.request.urlopen(f"http://{self._address}/-/ready", timeout=1):
                return True
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            return False

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        url = f"http://{self._address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                answer = json.load(response)
        except urllib.error.HTTPError as error:
            answer = json.load(error)
        assert answer["status"] == "success", f"{parameters}: {answer}"
        data: dict[str, Any] = answer["data"]
        return data


def _shortened(rules: str) -> str:
    """These rules with shorter times: ranges (``[2m]``), offsets, and how long something must last."""

    def shorter(found: re.Match[str]) -> str:
        seconds = int(found[2]) * {"m": 60, "h": 3600}[found[3]]
        return f"{found[1]}{seconds // SHORTER}s"

    return re.sub(r"(\[|offset |for: )(\d+)([mh])\b", shorter, rules)
