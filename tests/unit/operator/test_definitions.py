"""The CustomResourceDefinitions: structural, explained, and with the words that people look for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from benchmarks.names import NAMES
from rosey_operator.resources import definitions
from rosey_operator.resources.cytube_channel import ChannelSpec
from rosey_operator.resources.rosey_benchmark import BENCHMARKS

DEFINITIONS = {"channels": definitions.cytube_channels(), "benchmarks": definitions.rosey_benchmarks()}


def schema(definition: dict[str, Any]) -> dict[str, Any]:
    [version] = definition["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


def fields(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for name, field in node.get("properties", {}).items():
        yield f"{path}.{name}", field
        yield from fields(field, f"{path}.{name}")
        yield from fields(field.get("items", {}), f"{path}.{name}[]")


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_each_field_has_a_type_and_a_description(kind: str) -> None:
    found = dict(fields(schema(DEFINITIONS[kind])))
    assert len(found) > 20
    assert [path for path, field in found.items() if not field.get("description")] == []
    assert [path for path, field in found.items() if "type" not in field] == []


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_nothing_is_in_it_that_a_structural_schema_must_not_have(kind: str) -> None:
    text = str(DEFINITIONS[kind])
    for word in ("$ref", "$defs", "anyOf", "'title'", "additionalProperties", "'null'", "None"):
        assert word not in text, word


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_each_rule_has_a_sentence_and_each_text_with_a_rule_a_bound(kind: str) -> None:
    ruled = {path: field for path, field in fields(schema(DEFINITIONS[kind])) if "x-kubernetes-validations" in field}
    assert ruled
    for path, field in ruled.items():
        assert all(len(rule["message"]) > 30 for rule in field["x-kubernetes-validations"]), path
        # Without one the API server takes a rule for too costly.
        assert field["type"] == "object" or "maxLength" in field or "maxItems" in field, path


def test_columns_short_names_and_the_status_subresource() -> None:
    channels = DEFINITIONS["channels"]["spec"]
    assert channels["names"]["shortNames"] == ["ctc"]
    [version] = channels["versions"]
    assert version["subresources"] == {"status": {}}
    narrow = [column["name"] for column in version["additionalPrinterColumns"] if "priority" not in column]
    assert narrow == ["Channel", "Worker", "Connected", "Users", "Now playing", "Ready", "Age"]
    [version] = DEFINITIONS["benchmarks"]["spec"]["versions"]
    assert [column["name"] for column in version["additionalPrinterColumns"]][:2] == ["Verdict", "P99"]


def test_a_spec_is_read_as_the_api_server_gives_it() -> None:
    spec = ChannelSpec.model_validate({"channel": "lobby", "passwordSecretRef": {"name": "account"}, "newer": 1})
    assert spec.password_secret_ref is not None
    assert spec.password_secret_ref.key == "password"
    assert spec.enabled
    assert spec.as_json()["passwordSecretRef"] == {"name": "account", "key": "password"}


def test_the_benchmarks_that_may_be_named_are_those_that_there_are() -> None:
    assert BENCHMARKS == NAMES
    assert str(list(NAMES)) in str(DEFINITIONS["benchmarks"])


@pytest.mark.parametrize("name", ["../../other/secrets/theirs", "account?watch=1", "account/..", "..", "Account", ""])
def test_what_is_no_name_of_a_secret_is_refused_where_older_definitions_let_it_pass(name: str) -> None:
    with pytest.raises(ValidationError, match="name should be the name of a Secret"):
        ChannelSpec.model_validate({"channel": "lobby", "user": "Rosey", "passwordSecretRef": {"name": name}})
