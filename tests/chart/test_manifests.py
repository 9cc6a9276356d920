"""The manifests for people without Helm are the chart's, and kustomize builds them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.chart.rendering import helm
from tools import manifests


@pytest.mark.parametrize("place", manifests.PLACES, ids=lambda place: str(place.relative_to(manifests.ROOT)))
def test_they_are_what_the_chart_renders(place: Path) -> None:
    helm()
    assert (place / "rosey.yaml").read_text() == manifests.render(place / "values.yaml"), "make manifests"


def built(overlay: Path) -> list[dict[str, Any]]:
    done = subprocess.run(["kubectl", "kustomize", str(overlay)], check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.parametrize(("overlay", "servers", "kinds"), [("minimal", 1, {"Secret"}), ("production", 3, {"CronJob"})])
def test_kustomize_builds_an_overlay(tmp_path: Path, overlay: str, servers: int, kinds: set[str]) -> None:
    copy = Path(shutil.copytree(manifests.MANIFESTS, tmp_path / "manifests"))
    passwords = "".join(f"{user}-password=secret\n" for user in ("bot", "database", "admin"))
    (copy / "overlays" / "minimal" / "passwords.env").write_text(passwords)
    items = built(copy / "overlays" / overlay)
    assert {item["kind"] for item in items} >= kinds | {"Namespace", "NetworkPolicy", "StatefulSet", "Deployment"}
    assert all(item["metadata"].get("namespace") == "rosey" for item in items if item["kind"] != "Namespace")
    [nats] = [item for item in items if item["kind"] == "StatefulSet"]
    assert nats["spec"]["replicas"] == servers
    [namespace] = [item for item in items if item["kind"] == "Namespace"]
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert "elm" not in yaml.safe_dump([item["metadata"] for item in items])
