"""A thousand broken configurations: each is refused with the key that was broken, and none with a traceback.

Hypothesis breaks them, the same ones in each run. All go through the checks; fewer through files in JSON and YAML,
which take longer.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rosey_core.config import ConfigError, load
from rosey_core.config.document import Document, Place
from rosey_core.config.errors import KeyPath, dotted
from rosey_core.config.loading import load_document

SEED = 20261121
BROKEN = 1000
WILD = 500
THROUGH_FILES = 60

GOOD: dict[str, Any] = {
    "version": 2,
    "platforms": [
        {
            "type": "cytube",
            "name": "home",
            "server": "https://cytu.be",
            "channel": "lobby",
            "channel_password": "made-up-door",
            "user": "rosey",
            "password": "made-up-password",
            "proxy": "socks5://localhost:1080",
            "enabled": True,
        },
        {"domain": "https://other.example", "channel": ["den"], "user": ["guest"]},
    ],
    "nats": {"url": "nats://h:4222", "user": "u", "password": "made-up", "token": None, "creds": "/x"},
    "database": {
        "path": "x.db",
        "default_channel": "lobby",
        "retention": {"chat_hours": 1, "count_days": 2, "outbound_days": 3, "tokens_days": 4.5, "actions_days": 6},
    },
    "stream": {"max_age_hours": 1, "max_bytes": "1GiB", "replicas": 1},
    "bot": {
        "spool_dir": "spool",
        "spool_max_bytes": 1000,
        "user_cooldown": 0,
        "channel_cooldown": 1.5,
        "user_count_interval": 300,
        "status_interval": 10,
        "stats_timeout": 0.8,
        "outbound_interval": 2,
        "timezone": "UTC",
        "added_channels": False,
        "connections_per_address": 10,
        "plugins": ["dice"],
    },
    "health": {"host": "127.0.0.1", "port": 9100},
    "logging": {"level": "info", "format": "json"},
}

_NO_TEXT: list[Any] = [5, 1.5, False, {"made-up": 1}, [{}], [], ["a", "b", "c"]]
_NO_NUMBER: list[Any] = ["", "many", None, {}, [1], "nan", "inf", float("nan"), float("inf"), "1e999"]
_BAD_REFERENCE: list[Any] = ["${NOT_SET}", "${}", "${file:/nowhere/made-up}", "${file:}", "x${a b}y", "${file:\0}"]

_WRONG: dict[str, list[Any]] = {
    "version": [3, "2.1", "two", True, [], {}],
    "platforms.0.type": ["irc", "", None, 1],
    "platforms.0.server": ["ftp://x", "", "https://", "https://u:made-up@x", "https://[x", "https://x:99999", None],
    "platforms.0.channel": ["a b", "", "x" * 31, "ä", None, "https://cytu.be/elsewhere", "a\nb"],
    "platforms.0.user": ["a b", "", "x" * 21, "a.b", "ro\u200bsey"],
    "platforms.0.proxy": ["", "h", "ftp://h:1", "socks5://u:made-up-@h", "http://[h", "h:0"],
    "platforms.0.enabled": ["perhaps", None, 2, {}],
    "nats.url": ["", "ftp://x", "nats://", "nats://h:0", "nats://h:70000", "nats://[", None, ","],
    "nats.creds": [5, {}, []],
    "database.path": ["", None],
    "database.default_channel": ["a b", "", "x" * 65],
    "stream.max_bytes": [*_NO_NUMBER, 0, -1, "5 parsecs"],
    "stream.replicas": [*_NO_NUMBER, 0, 6, 1.5],
    "bot.spool_dir": [""],
    "bot.spool_max_bytes": [*_NO_NUMBER, 0, -1],
    "bot.user_cooldown": [*_NO_NUMBER, -1],
    "bot.channel_cooldown": [*_NO_NUMBER, -0.1],
    "bot.timezone": ["", "Berlin", "../etc", None],
    "bot.added_channels": ["perhaps", None, 2, {}],
    "bot.plugins": ["dice", 5, {}, [1], [None], [["dice"]]],
    "bot.connections_per_address": [*_NO_NUMBER, 0, 1.5],
    "health.host": ["", None],
    "health.port": [*_NO_NUMBER, -1, 65536, 1.5],
    "logging.level": ["", "loud", None],
    "logging.format": ["", "xml", None],
}
"""Values that are wrong at one key only."""
_TIMES = ("bot.user_count_interval", "bot.status_interval", "bot.stats_timeout", "bot.outbound_interval")
_POSITIVE = {f"database.retention.{key}" for key in GOOD["database"]["retention"]} | {"stream.max_age_hours", *_TIMES}


def _paths(value: Any, at: KeyPath = ()) -> Iterator[KeyPath]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in children:
        yield (*at, key)
        yield from _paths(item, (*at, key))


def _document(data: dict[str, Any]) -> Document:
    """As if read from a file: it knows how each key is spelt there."""
    return Document(data=data, places={at: Place(dotted(at)) for at in _paths(data)})


SECTIONS = [("platforms", 0), ("nats",), ("database",), ("database", "retention"), ("stream",), ("bot",), ("health",)]


def _holder(data: dict[str, Any], path: KeyPath) -> Any:
    here: Any = data
    for key in path[:-1]:
        here = here[key]
    return here


LEAVES = [
    path
    for path in _paths(GOOD)
    if isinstance(path[-1], str)
    and (path == ("bot", "plugins") or not isinstance(_holder(GOOD, path)[path[-1]], dict | list))
]


def _wrong_value(data: dict[str, Any], chance: random.Random) -> KeyPath:
    path = chance.choice(LEAVES)
    key = dotted(path)
    wrong = _WRONG.get(key, [])
    if key in _POSITIVE:
        wrong = [*_NO_NUMBER, 0, -1]
    elif isinstance(_holder(GOOD, path)[path[-1]], str) and path != ("stream", "max_bytes"):
        wrong = wrong + _NO_TEXT
    if path != ("version",):
        wrong = wrong + _BAD_REFERENCE
    _holder(data, path)[path[-1]] = chance.choice(wrong)
    return path


def _unknown_key(data: dict[str, Any], chance: random.Random) -> KeyPath:
    path = (*chance.choice(SECTIONS), chance.choice(["ulr", "made_up", "", "0", "chanel", "ä", "pasword", "x" * 300]))
    _holder(data, path)[path[-1]] = chance.choice([1, None, "made-up", {}, []])
    return path


def _misspelt_section(data: dict[str, Any], chance: random.Random) -> KeyPath:
    name = chance.choice(["platforms", "database", "stream", "health", "logging"])
    letters = list(name)
    letters.pop(chance.randrange(len(letters)))
    data["".join(letters)] = data.pop(name)
    return ("".join(letters),)


def _wrong_section(data: dict[str, Any], chance: random.Random) -> KeyPath:
    path = chance.choice([*SECTIONS, ("platforms",), ("logging",), ("legacy",)])
    _holder(data, path)[path[-1]] = chance.choice([5, "text", True, *([[]] if path != ("platforms",) else [{}])])
    return path


def _missing_key(data: dict[str, Any], chance: random.Random) -> KeyPath:
    index = chance.randrange(2)
    del data["platforms"][index]["channel"]
    return ("platforms", index, "channel")


def _two_of_one(data: dict[str, Any], chance: random.Random) -> KeyPath:
    first = data["platforms"][0]
    kind = chance.randrange(4)
    if kind == 0:
        data["platforms"].append({"channel": chance.choice(["lobby", "LOBBY"])})
        return ("platforms",)
    if kind == 1:
        first["domain"] = "https://cytu.be"
        return ("platforms", 0, "domain")
    if kind == 2:
        first["user"] = ["rosey", "made-up"]
        return ("platforms", 0, "user")
    data["database"]["url"] = "sqlite:///made-up.db"
    return ("database", "url")


MUTATIONS: list[Callable[[dict[str, Any], random.Random], KeyPath]] = [
    _wrong_value,
    _wrong_value,
    _wrong_value,
    _unknown_key,
    _misspelt_section,
    _wrong_section,
    _missing_key,
    _two_of_one,
]


@st.composite
def _broken(draw: st.DrawFn) -> tuple[dict[str, Any], KeyPath]:
    data = copy.deepcopy(GOOD)
    mutation = draw(st.sampled_from(MUTATIONS))
    return data, mutation(data, random.Random(draw(st.integers(0, 2**32))))


def _thorough(count: int) -> settings:
    return settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def test_what_is_broken_was_good() -> None:
    config, _ = load_document(Document(data=copy.deepcopy(GOOD)), {})
    assert [platform.key for platform in config.channels] == ["lobby", "den"]
    assert config.warnings == ()


def test_each_of_a_thousand_is_refused_by_its_key() -> None:
    seen: set[str] = set()

    @_thorough(BROKEN)
    @given(_broken())
    def refuse(broken: tuple[dict[str, Any], KeyPath]) -> None:
        data, path = broken
        told = json.dumps(data, default=str)
        seen.add(told)
        with pytest.raises(ConfigError) as error:
            load_document(_document(data), {})
        keys = [problem.key for problem in error.value.problems]
        assert any(key == dotted(path) or key.startswith(f"{dotted(path)}.") for key in keys), (path, keys, told)
        assert "made-up-" not in str(error.value)

    refuse()
    assert len(seen) > BROKEN // 3


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_each_is_refused_by_its_line_in_a_file_too(tmp_path: Path, form: str) -> None:
    file = tmp_path / f"rosey.{form}"

    def written(data: dict[str, Any]) -> str:
        if form == "json":
            return json.dumps(data, indent=1)
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=1000)

    @_thorough(THROUGH_FILES)
    @given(_broken())
    def refuse(broken: tuple[dict[str, Any], KeyPath]) -> None:
        data, path = broken
        text = written(data)
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as error:
            load(file, {})
        near = [problem for problem in error.value.problems if problem.key.startswith(dotted(path))]
        assert near, (path, str(error.value))
        lines = text.splitlines()
        for problem in near:
            assert problem.line is not None
            name = problem.key.rpartition(".")[2]
            if "missing" not in problem.reason and not name.isdecimal():
                key = written({name: 1}).strip("{}\n ").partition(":")[0].strip()
                assert key in lines[problem.line - 1]

    refuse()


_ANYTHING: list[Any] = [
    *_NO_TEXT,
    *_NO_NUMBER,
    *_BAD_REFERENCE,
    "~nobody-at-all/x",
    b"bytes",
    -(10**30),
    {"version": 2},
    [[["x"]]],
    "\ud800",
    "nats://a:b@h:1,",
    "https://[::1]:99999999",
    "https://cytu.be/r/",
]


def test_whatever_stands_anywhere_there_is_a_configuration_or_a_refusal() -> None:
    chance = random.Random(SEED)
    paths: list[KeyPath] = [*LEAVES, *SECTIONS, ("platforms",), ("platforms", 0), ("legacy",), ("x",), ("_note",)]
    refusals: list[ConfigError] = []
    for _ in range(WILD):
        data = copy.deepcopy(GOOD)
        path = chance.choice(paths)
        _holder(data, path)[path[-1]] = copy.deepcopy(chance.choice(_ANYTHING))
        variables = {}
        if chance.random() < 0.5:
            name = "__".join(map(str, chance.choice(LEAVES))).upper()
            variables[f"ROSEY_{name}"] = str(chance.choice(_ANYTHING))
        try:
            load_document(_document(data), variables)
        except ConfigError as error:
            refusals.append(error)
    assert WILD // 2 < len(refusals) < WILD
    assert all(problem.key for error in refusals for problem in error.problems)


@pytest.mark.parametrize(
    "text", ["1" * 5000, '{"a": ' + "1" * 5000 + "}", "a: 2024-99-99", "a: !!int x", "a: !!binary x", "? [1]\n: 2"]
)
def test_odd_numbers_dates_and_keys_are_no_traceback(tmp_path: Path, text: str) -> None:
    for name in ("rosey.json", "rosey.yaml"):
        (tmp_path / name).write_text(text)
        with pytest.raises(ConfigError):
            load(tmp_path / name, {})
