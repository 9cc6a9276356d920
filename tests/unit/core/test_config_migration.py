"""The original's older forms become version 2: no key and no value is lost, and what comes out is understood."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rosey_core.config.document import Document, read, without_comments
from rosey_core.config.loading import load_document
from rosey_core.config.migration import NOTE, Form, form_of, migrate
from rosey_core.config.models import Config

FIXTURES = Path(__file__).parents[2] / "fixtures" / "configurations"
OLDER = sorted(path.name for path in FIXTURES.iterdir() if not path.name.startswith("v2"))
ENVIRON = {"CYTUBEBOT_PROD_PASSWORD": "made-up", "DB": "made-up.db"}


def content(name: str) -> dict[str, Any]:
    return read(FIXTURES / name, comments=True).data


def leaves(value: Any) -> Iterator[Any]:
    """Every value that is no container, and every empty container."""
    if isinstance(value, dict | list) and value:
        for item in value.values() if isinstance(value, dict) else value:
            yield from leaves(item)
    else:
        yield value


def missing(before: dict[str, Any], after: dict[str, Any]) -> list[Any]:
    """Values of the one that are not, as often, in the other; an escaped reference counts as what it stands for."""
    left = [repr(leaf).replace("$${", "${") for leaf in leaves(after)]
    lost = []
    for leaf in leaves({key: value for key, value in before.items() if key != "version"}):
        if repr(leaf) in left:
            left.remove(repr(leaf))
        else:
            lost.append(leaf)
    return lost


def loaded(data: dict[str, Any]) -> Config:
    return load_document(Document(data=without_comments(data)), ENVIRON)[0]


def migrated(data: dict[str, Any]) -> dict[str, Any]:
    form = form_of(data)
    assert form is not None
    return migrate(data, form).data


@pytest.mark.parametrize("name", OLDER)
def test_every_value_is_found_in_the_result_which_is_understood(name: str) -> None:
    before = content(name)
    after = migrated(before)
    assert missing(before, after) == []
    assert form_of(after) is Form.V2
    assert len(loaded(after).channels) == 1


@pytest.mark.parametrize("lost", ["legacy", "logging", "platforms"])
def test_broken_variant_a_migration_that_loses_something_is_found(lost: str) -> None:
    before = content("v1_flat.json")
    after = {key: value for key, value in migrated(before).items() if key != lost}
    assert missing(before, after)


@pytest.mark.parametrize("name", OLDER)
def test_every_key_is_accounted_for(name: str) -> None:
    before = content(name)
    form = form_of(before)
    assert form is not None
    made = migrate(before, form)
    moved = {move.old[0] for move in made.moves}
    stayed = set(made.data)
    assert set(before) <= moved | stayed


def test_a_flat_file_says_the_same_afterwards() -> None:
    config = loaded(migrated(content("v1_flat.json")))
    (platform,) = config.channels
    assert (platform.server, platform.channel, platform.user) == ("https://cytu.be", "Lobby", "rosey")
    assert config.secrets() == {"made-up-password", "made-up-door"}
    assert (config.logging.level, config.database.path) == ("INFO", "bot_data.db")
    assert set(config.legacy) == {"shell", "chat_log_file", "media_log_file", "llm", "markov", "order", "learn"}


def test_an_environment_file_says_the_same_afterwards() -> None:
    config = loaded(migrated(content("environment.json")))
    (platform,) = config.channels
    assert (platform.server, platform.channel, platform.user) == ("https://cytu.be", "Lobby", "rosey")
    assert config.secrets() == {"made-up"}
    assert (config.health.host, config.health.port) == ("0.0.0.0", 8000)
    assert config.legacy["logging"] == {"file": "logs/bot.log", "max_bytes": 10485760, "backup_count": 5}


def test_comments_stay_where_they_say_something() -> None:
    after = migrated(content("environment.json"))
    assert after["_note"] == "production"
    assert after["platforms"][0]["_comment"] == "the account of the bot"
    assert after["legacy"]["deployment"]["_note"] == "one is enough"
    assert after["legacy"]["_note"] == NOTE


def test_what_stands_there_twice_is_kept_twice() -> None:
    after = migrated(content("v1_both_spellings.json"))
    assert after["platforms"][0]["server"] == "https://cytu.be"
    assert after["legacy"] == {
        "_note": NOTE,
        "server": "https://other.example",
        "logging": {"colours": [1, 2]},
        "log_level": "error",
        "kept": 1,
        "shell": 0,
        "shell_": "a:1",
    }


def test_a_password_that_looks_like_a_reference_stays_one_password() -> None:
    after = migrated(content("v1_dollars.json"))
    config = loaded(after)
    assert config.secrets() == {"made${up"}
    assert config.database.path == "made-up.db", "what can be nothing but a reference is one"
    assert config.legacy == {"llm": "${not touched}"}


def test_version_two_is_no_older_form() -> None:
    before = content("v2_original.json")
    assert form_of(before) is Form.V2
    config = load_document(Document(data=without_comments(before)), {})[0]
    assert [platform.key for platform in config.channels] == ["lobby", "den"]
    assert set(config.legacy) == {"shell", "llm", "plugins"}


@pytest.mark.parametrize(
    ("data", "form"),
    [
        ({}, Form.V2),
        ({"nats": {}}, Form.V2),
        ({"version": "2.0", "channel": "a"}, Form.V2),
        ({"platforms": []}, Form.V2),
        ({"version": "1.0"}, Form.FLAT),
        ({"retry": 1}, Form.FLAT),
        ({"cytube": {}}, Form.ENVIRONMENT),
        ({"version": 1, "cytube": {}}, Form.ENVIRONMENT),
        ({"cytube": "x", "domain": "x"}, Form.FLAT),
        ({"version": 3}, None),
    ],
)
def test_forms_are_told_apart(data: dict[str, Any], form: Form | None) -> None:
    assert form_of(data) is form


_NAMES = st.sampled_from(
    [
        "domain",
        "server",
        "channel",
        "user",
        "proxy",
        "retry",
        "db",
        "log_level",
        "logging",
        "health",
        "database",
        "cytube",
        "platforms",
        "legacy",
        "nats",
        "llm",
        "_note",
        "x",
    ]
)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.sampled_from(["", "a", "${x", "$${y}"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_NAMES | st.sampled_from(["level", "path", "username", "password", "host", "port"]), inner)
    ),
    max_leaves=6,
)


@given(st.dictionaries(_NAMES, _VALUES, min_size=1, max_size=6), st.sampled_from([Form.FLAT, Form.ENVIRONMENT]))
@example({"legacy": {"cytube": [1]}, "cytube": {"x": 2}}, Form.ENVIRONMENT)
@example({"legacy": {"cytube": {"x": {"y": 1}}}, "cytube": {"x": 2}}, Form.ENVIRONMENT)
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_of_anything(data: dict[str, Any], form: Form) -> None:
    before = json.dumps(data).replace("$${", "${")
    assert missing(json.loads(before), migrate(json.loads(before), form).data) == []
