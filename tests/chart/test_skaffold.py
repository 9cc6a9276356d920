"""skaffold.yaml says what skaffold understands, and speaks of images, values and Services that there are."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import yaml

from tests.chart.rendering import CHART, over, render

ROOT: Final = CHART.parents[1]
SKAFFOLD: Final[dict[str, Any]] = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
[RELEASE] = SKAFFOLD["deploy"]["helm"]["releases"]


SCHEMA: Final = json.loads((ROOT / "tests" / "fixtures" / "skaffold" / "v4beta11.json").read_text())
TYPES: Final = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


def faults(value: Any, schema: dict[str, Any], at: str = "") -> Iterator[str]:
    """Where a value is not as a schema wants it, in the words of JSON Schema that skaffold's uses."""
    if "$ref" in schema:
        yield from faults(value, SCHEMA["definitions"][schema["$ref"].rpartition("/")[2]], at)
    if "anyOf" in schema:
        found = [list(faults(value, choice, at)) for choice in schema["anyOf"]]
        yield from min(found, key=len)
    if "type" in schema and not isinstance(value, TYPES[schema["type"]]):
        yield f"{at} should be of the type {schema['type']}"
    elif "enum" in schema and value not in schema["enum"]:
        yield f"{at} should be one of {schema['enum']}"
    elif isinstance(value, dict):
        yield from (f"{at}.{key} is missing" for key in schema.get("required", ()) if key not in value)
        others = schema.get("additionalProperties", {})
        for key, item in value.items():
            known = schema.get("properties", {}).get(key, others)
            if known is False:
                yield f"{at}.{key} is unknown"
            elif isinstance(known, dict):
                yield from faults(item, known, f"{at}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults(item, schema.get("items", {}), f"{at}[{index}]")


def test_its_schema_allows_it() -> None:
    assert SKAFFOLD["apiVersion"] == "skaffold/v4beta11"
    assert list(faults(SKAFFOLD, SCHEMA)) == []


def test_its_schema_refuses_what_skaffold_does_not_know() -> None:
    broken = copy.deepcopy(SKAFFOLD)
    broken["build"]["artifacts"][0]["docker"]["targets"] = "bot"
    broken["deploy"]["helm"]["releases"][0].pop("name")
    broken["portForward"][0]["localPort"] = "4222"
    assert sorted(faults(broken, SCHEMA)) == [
        # Of the kinds of an artifact none fits any more.
        ".build.artifacts[0].docker is unknown",
        ".deploy.helm.releases[0].name is missing",
        ".portForward[0].localPort should be of the type integer",
    ]


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
