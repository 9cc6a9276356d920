"""``manifests/``, for people without Helm: the chart, rendered. ``--check`` only compares. Needs helm 3.

What tells of Helm is taken out; the rest is the chart's, in the same order.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import yaml

from tools.generated import ROOT, write_or_compare

CHART: Final = ROOT / "charts" / "rosey"
MANIFESTS: Final = ROOT / "manifests"
PLACES: Final = (MANIFESTS / "base", MANIFESTS / "overlays" / "production")
"""Each with its ``values.yaml``."""
HEAD: Final = "# Rendered from charts/rosey by `make manifests`, with the values in values.yaml.\n"
OF_HELM: Final = ("helm.sh/chart", "app.kubernetes.io/managed-by")


def _cleaned(item: dict[str, Any]) -> dict[str, Any]:
    metadata = item["metadata"]
    metadata["labels"] = {key: value for key, value in metadata["labels"].items() if key not in OF_HELM}
    kept = {key: value for key, value in metadata.pop("annotations", {}).items() if not key.startswith("helm.sh/")}
    if kept:
        metadata["annotations"] = kept
    metadata.pop("namespace")
    return item


def render(values: Path) -> str:
    """The chart's objects with these values, without those of `helm test`.

    Raises:
        FileNotFoundError: helm is not on the path.
        subprocess.CalledProcessError: it refuses the values.
    """
    command = ["helm", "template", "rosey", str(CHART), "--values", str(values), "--kube-version", "1.34.0"]
    done = subprocess.run([*command, "--no-hooks"], check=True, stdout=subprocess.PIPE, text=True)
    found = [item for item in yaml.safe_load_all(done.stdout) if item]
    kept = [_cleaned(item) for item in found if item["metadata"]["labels"]["app.kubernetes.io/component"] != "test"]
    return HEAD + yaml.safe_dump_all(kept, sort_keys=False, width=120)


if __name__ == "__main__":
    rendered = {place / "rosey.yaml": render(place / "values.yaml") for place in PLACES}
    sys.exit(write_or_compare(rendered, source="the chart renders", remedy="make manifests"))
