"""Names and namespaces that people choose: odd ones work, and those that cannot work are refused with a reason."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.chart.rendering import Refused, pods, render, template
from tests.chart.test_options import EVERYTHING

LONGEST: Final = "a-release-whose-name-is-exactly-as-long-as-helm-takes"
LIMITS: Final = {"CronJob": 52, "StatefulSet": 52, "Service": 63, "Deployment": 63}
"""What a name may have, so that those of what is made of it have room."""


def texts(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every label and every namespace that is named anywhere in a manifest."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if key in ("labels", "matchLabels") or name == "namespace":
                yield name, inner
            else:
                yield from texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner, key)


@pytest.mark.parametrize("release", ["true", "null", "yes", "e1"])
def test_a_name_is_a_text_whatever_yaml_would_take_it_for(release: str) -> None:
    manifests = render(EVERYTHING, "--namespace=123", release=release)
    found = [(name, value) for item in manifests for name, value in texts(item)]
    assert ("namespace", "123") in found
    assert ("app.kubernetes.io/instance", release) in found
    assert [(name, value) for name, value in found if not isinstance(value, str)] == []


@pytest.mark.parametrize(
    "values", [{}, {"nameOverride": "chat"}, {"fullnameOverride": "mine"}, {"nameOverride": "a" * 40}]
)
def test_the_longest_name_leaves_room_for_what_is_made(values: dict[str, Any]) -> None:
    manifests = render({**EVERYTHING, **values}, release=LONGEST)
    names = {(item["kind"], item["metadata"]["name"]) for item in manifests}
    assert len(names) == len(manifests)
    for kind, name in names:
        assert len(name) <= LIMITS.get(kind, 253), (kind, name)
        assert re.fullmatch("[a-z]([-a-z0-9]*[a-z0-9])?", name), (kind, name)
    for _, pod in pods(manifests):
        assert all(len(label) <= 63 for label in pod["metadata"]["labels"].values())


@pytest.mark.parametrize("release", ["9lives", "my.rosey"])
def test_a_name_that_no_service_can_have_is_refused_unless_there_is_another(release: str) -> None:
    with pytest.raises(Refused, match=r"no Service can have this name .* set fullnameOverride"):
        template({}, release=release)
    assert render({"fullnameOverride": "mine"}, release=release)


@pytest.mark.parametrize("values", [{"fullnameOverride": "Mine"}, {"fullnameOverride": "1st"}, {"nameOverride": "a b"}])
def test_an_override_that_is_no_name_is_refused(values: dict[str, str]) -> None:
    [key] = values
    with pytest.raises(Refused, match=f"'/{key}'"):
        template(values)
