"""skaffold.yaml, and where skaffold would copy a changed file to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import yaml

from tests.chart.rendering import CHART, over

ROOT: Final[Path] = CHART.parents[1]
SKAFFOLD: Final[dict[str, Any]] = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
ARTIFACTS: Final[list[dict[str, Any]]] = SKAFFOLD["build"]["artifacts"]
[RELEASE] = SKAFFOLD["deploy"]["helm"]["releases"]


def destinations(artifact: dict[str, Any], file: str) -> list[str]:
    """Where a changed file (relative to the checkout) goes to in an image's containers; nowhere: the image is built.

    As skaffold's documentation of manual rules has it: all of the path but what is stripped, below the destination.
    """
    return [
        f"{rule['dest'].rstrip('/')}/{file.removeprefix(rule.get('strip', ''))}"
        for rule in artifact.get("sync", {}).get("manual", ())
        if re.fullmatch(_pattern(rule["src"]), file)
    ]


def _pattern(glob: str) -> str:
    """A regular expression of a pattern in which ``**/`` stands for any folders, also none."""
    parts = {"**/": "(?:[^/]+/)*", "*": "[^/]*"}
    return "".join(parts.get(part) or re.escape(part) for part in re.split(r"(\*\*/|\*)", glob))


def values(tag: str) -> dict[str, Any]:
    """The values that skaffold installs the chart with, where all images have this tag."""
    found: dict[str, Any] = RELEASE["overrides"]
    for key, template in RELEASE["setValueTemplates"].items():
        [(what, image)] = re.findall(r"IMAGE_(REPO|TAG)_(\w+)", template)
        found = over(found, key, image.replace("_", "-") if what == "REPO" else tag)
    return found
