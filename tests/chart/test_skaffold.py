"""skaffold.yaml says what skaffold understands, and speaks of images, values and Services that there are."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.chart.rendering import pods, render
from tests.chart.skaffold import ARTIFACTS, RELEASE, ROOT, SKAFFOLD, destinations, values

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
    for artifact in ARTIFACTS:
        docker = artifact["docker"]
        text = (ROOT / docker["dockerfile"]).read_text()
        assert re.search(rf"^FROM .* AS {docker['target']}$", text, flags=re.MULTILINE), artifact["image"]
        service = docker["buildArgs"]["SERVICE"]
        assert re.search(rf"^FROM .* AS build-{service}$", text, flags=re.MULTILINE), artifact["image"]
        assert artifact["image"] == f"rosey-{service}"


def test_its_values_are_the_charts_and_name_its_images() -> None:
    text = str(render(values("built")))
    for artifact in ARTIFACTS:
        assert f"{artifact['image']}:built" in text


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda artifact: artifact["image"])
def test_changed_code_goes_onto_a_volume_from_which_its_service_runs(artifact: dict[str, Any]) -> None:
    service = artifact["docker"]["buildArgs"]["SERVICE"]
    pod = dict(pods(render(values("built"))))[f"Deployment/demo-rosey-{service}"]["spec"]
    [mount] = [item for item in pod["containers"][0]["volumeMounts"] if item["name"] == "code"]
    assert {"name": "code", "emptyDir": {}} in pod["volumes"]
    dockerfile = (ROOT / artifact["docker"]["dockerfile"]).read_text()
    assert f"CODE={mount['mountPath']}\n" in dockerfile
    for folder in ("core", service):
        code = [file.relative_to(ROOT).as_posix() for file in (ROOT / "services" / folder).rglob("*.py")]
        assert len(code) > 3
        for file in code:
            assert destinations(artifact, file) == [f"{mount['mountPath']}/{file.removeprefix('services/')}"]


@pytest.mark.parametrize("artifact", ARTIFACTS, ids=lambda artifact: artifact["image"])
def test_no_image_is_built_for_another_services_code(artifact: dict[str, Any]) -> None:
    # For skaffold all that a Dockerfile copies belongs to each image that is made of it.
    dockerfile = (ROOT / artifact["docker"]["dockerfile"]).read_text()
    copied = re.findall(r"^COPY (services\S*) ", dockerfile, flags=re.MULTILINE)
    assert len(copied) > 2
    for folder in copied:
        for file in (ROOT / folder).rglob("*.py"):
            assert destinations(artifact, file.relative_to(ROOT).as_posix()), file


def test_what_else_is_changed_is_built() -> None:
    for file in ("services/core/pyproject.toml", "requirements/bot.txt", "tools/reload.py"):
        assert [destinations(artifact, file) for artifact in ARTIFACTS] == [[]] * len(ARTIFACTS)


def test_it_forwards_ports_of_services_that_there_are() -> None:
    services = {
        item["metadata"]["name"]: {port["port"] for port in item["spec"]["ports"]}
        for item in render({"fullnameOverride": RELEASE["name"]})
        if item["kind"] == "Service"
    }
    for forward in SKAFFOLD["portForward"]:
        assert forward["port"] in services[forward["resourceName"]]
