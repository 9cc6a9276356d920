"""The schema of a configuration: it knows each key, says what it is for, and takes what the loader takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rosey_core.config.schema import schema
from rosey_core.config.spellings import SYNONYMS, WITHOUT_EFFECT

SCHEMA = schema()


def properties(section: dict[str, Any], at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each key with what the schema says of it."""
    for key, value in section["properties"].items():
        yield f"{at}{key}", value
        for part in (value, value.get("items", {}), *value.get("anyOf", [])):
            if "$ref" in part:
                yield from properties(SCHEMA["$defs"][part["$ref"].rpartition("/")[2]], f"{at}{key}.")


KEYS = dict(properties(SCHEMA))


@pytest.mark.parametrize("key", KEYS)
def test_each_key_has_a_description(key: str) -> None:
    description = KEYS[key]["description"]
    assert description[0] in "`[" or description[0].isupper()
    assert description.endswith(".")


def test_it_knows_each_key_and_nothing_that_no_file_has() -> None:
    assert {"version", "platforms.channel_password", "nats.url", "database.retention.chat_hours"} <= KEYS.keys()
    assert {f"{section}.{key}" for section, key in (*SYNONYMS, *WITHOUT_EFFECT)} <= KEYS.keys()
    assert not {"warnings", "source", "referenced"} & KEYS.keys()


def test_what_does_nothing_any_more_is_marked() -> None:
    deprecated = {key for key, value in KEYS.items() if value.get("deprecated")}
    assert deprecated == {f"{section}.{key}" for section, key in (*SYNONYMS, *WITHOUT_EFFECT)}


def test_a_reference_may_stand_for_a_number_and_a_pair_for_a_name() -> None:
    reference = {"type": "string", "pattern": r"\$\{"}
    assert reference in KEYS["health.port"]["anyOf"]
    assert reference in KEYS["platforms.enabled"]["anyOf"]
    assert KEYS["platforms.user"]["anyOf"][-1]["type"] == "array"
    assert {"type": "null"} in KEYS["nats"]["anyOf"]
    assert KEYS["version"]["enum"] == [2, "2", "2.0"]


def test_secrets_are_marked() -> None:
    secrets = {key for key, value in KEYS.items() if "password" in json.dumps(value.get("anyOf", [])[:1])}
    assert secrets == {
        "platforms.password",
        "platforms.channel_password",
        "platforms.proxy",
        "nats.password",
        "nats.token",
        "database.url",
    }
