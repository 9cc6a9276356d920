"""skaffold.yaml speaks of images, values and Services that there are."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from tests.chart.rendering import CHART, over, render

ROOT: Final = CHART.parents[1]
SKAFFOLD: Final[dict[str, Any]] = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
[RELEASE] = SKAFFOLD["deploy"]["helm"]["releases"]


def test_its_targets_are_in_the_dockerfiles() -> None:
    for artifact in SKAFFOLD["build"]["artifacts"]:
        docker = artifact["docker"]
        text = (ROOT / docker["dockerfile"]).read_text()
        assert re.search(rf"^FROM .* AS {docker['target']}$", text, flags=re.MULTILINE), artifact["image"]
        assert f"org.opencontainers.image.title={artifact['image']} " in text


def test_its_values_are_the_charts_and_name_its_images() -> None:
    values: dict[str, Any] = {}
    for key, value in RELEASE["setValueTemplates"].items():
        values = over(values, key, re.sub(r"\W", "", value))
    for key, value in RELEASE["setValues"].items():
        values = over(values, key, True if value == "true" else value)
    images = {artifact["image"].replace("-", "_") for artifact in SKAFFOLD["build"]["artifacts"]}
    text = str(render({**values, "backup": {**values["backup"], "enabled": True}}))
    for image in images:
        assert f"IMAGE_REPO_{image}:IMAGE_TAG_{image}" in text


def test_it_forwards_ports_of_services_that_there_are() -> None:
    services = {
        item["metadata"]["name"]: {port["port"] for port in item["spec"]["ports"]}
        for item in render({"fullnameOverride": RELEASE["name"]})
        if item["kind"] == "Service"
    }
    for forward in SKAFFOLD["portForward"]:
        assert forward["port"] in services[forward["resourceName"]]
