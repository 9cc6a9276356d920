"""docs/operator.md says what is so: its examples are resources, its tables the code's."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rosey_core.channel_status import CAUSES
from rosey_operator.controllers.controller import Controller
from rosey_operator.reconcile import channels, outcome
from rosey_operator.resources import cytube_channel, rosey_benchmark
from rosey_operator.resources.model import API_VERSION

DOCUMENT = Path(__file__).parents[3] / "docs" / "operator.md"
TEXT = DOCUMENT.read_text()
EXAMPLES: list[dict[str, Any]] = [
    found for block in re.findall(r"```yaml\n(.*?)```", TEXT, flags=re.DOTALL) for found in yaml.safe_load_all(block)
]
SPECS = {
    cytube_channel.KIND: cytube_channel.ChannelSpec,
    rosey_benchmark.KIND: rosey_benchmark.BenchmarkSpec,
}


def rows(heading: str) -> list[list[str]]:
    """The cells of the table with this heading."""
    table = TEXT.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


@pytest.mark.parametrize("example", [one for one in EXAMPLES if one["kind"] in SPECS], ids=lambda one: str(one["kind"]))
def test_an_example_is_a_resource(example: dict[str, Any]) -> None:
    assert example["apiVersion"] == API_VERSION
    spec = SPECS[example["kind"]].model_validate(example["spec"], extra="forbid")
    assert (
        spec.as_json().items()
        >= {key: value for key, value in example["spec"].items() if type(value) is not dict}.items()
    )


def test_the_secret_that_the_example_needs_is_in_it() -> None:
    [secret] = [one for one in EXAMPLES if one["kind"] == "Secret"]
    [channel] = [one for one in EXAMPLES if one["kind"] == cytube_channel.KIND]
    spec = cytube_channel.ChannelSpec.model_validate(channel["spec"])
    assert spec.password_secret_ref is not None
    assert secret["metadata"]["name"] == spec.password_secret_ref.name
    assert spec.password_secret_ref.key in secret["stringData"]


def test_the_table_of_fields_is_the_types() -> None:
    told = {name for row in rows("field of `spec`") for name in re.findall(r"`(\w+)`", row[0])}
    fields = cytube_channel.ChannelSpec.model_fields.values()
    assert told == {field.alias for field in fields}


def test_the_conditions_and_their_reasons_are_the_codes() -> None:
    told = rows("condition")
    conditions = {cytube_channel.ACCEPTED, cytube_channel.CONNECTED, cytube_channel.READY}
    assert {row[0].strip("`") for row in told} == conditions
    code = inspect.getsource(channels) + inspect.getsource(outcome)
    known = {outcome._camel(cause) for cause in CAUSES} | set(re.findall(r'"([A-Z]\w+)"', code))
    assert {reason for row in told for reason in re.findall(r"`(\w+)`", row[2])} <= known


def test_what_is_said_where_the_cluster_knows_no_resources_leads_here() -> None:
    advice = inspect.getsource(Controller)
    assert "docs/operator.md" in advice
    assert "charts/rosey/charts/crds/crds" in TEXT
