"""Configuration: what is accepted, what it means, and that each refusal says where and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rosey_core.bus import Bus
from rosey_core.config import Config, ConfigError, Nats, Platform, load
from tests.unit.core.conftest import Load

# Defaults


def test_nothing_at_all_is_a_configuration() -> None:
    config = load(None, {})
    assert config.platforms == []
    assert config.nats.url == "nats://localhost:4222"
    assert config.database.path == "bot_data.db"
    assert config.default_channel is None
    assert config.secrets() == set()
    assert config.warnings == ()


def test_the_retention_is_the_specified_one() -> None:
    retention = Config().database.retention
    assert (retention.chat_hours, retention.count_days, retention.outbound_days, retention.tokens_days) == (
        150,
        30,
        7,
        90,
    )


@pytest.mark.parametrize("content", ["", "# only a comment\n", "nats:\nplatforms:\n", {}])
def test_a_file_that_says_nothing_means_the_defaults(read: Load, content: Any) -> None:
    assert read(content).model_copy(update={"source": None}) == Config()


def test_a_bare_channel_is_one_of_cytu_be(read: Load) -> None:
    (platform,) = read({"platforms": [{"channel": "Lobby"}]}).platforms
    assert (platform.server, platform.channel, platform.key) == ("https://cytu.be", "Lobby", "lobby")
    assert (platform.user, platform.password, platform.channel_password) == (None, None, None)


# The file


FULL: dict[str, Any] = {
    "version": 2,
    "platforms": [{"type": "cytube", "name": "home", "server": "https://cytu.be", "channel": "lobby", "user": "rosey"}],
    "nats": {"url": "nats://nats:4222"},
    "database": {"path": "x.db"},
    "logging": {"level": "debug"},
}


@pytest.mark.parametrize("name", ["rosey.json", "rosey.yaml", "rosey.yml", "rosey.conf", "rosey"])
def test_json_is_read_under_any_name(read: Load, name: str) -> None:
    config = read(json.dumps(FULL), name=name)
    assert config.platforms[0].name == "home"
    assert config.logging.level == "DEBUG"


def test_yaml_says_the_same(read: Load) -> None:
    text = """
version: 2
platforms:
  - {type: cytube, name: home, server: https://cytu.be, channel: lobby, user: rosey}
nats: {url: "nats://nats:4222"}
database: {path: x.db}
logging: {level: debug}
"""
    assert read(text).model_copy(update={"source": None}) == read(FULL).model_copy(update={"source": None})
    assert read(text, name="rosey.conf").platforms[0].user == "rosey"


@pytest.mark.parametrize("version", [2, 2.0, "2", "2.0"])
def test_version_two_may_be_written_in_each_way(read: Load, version: object) -> None:
    assert read({"version": version, "platforms": []}).version == 2


def test_comment_keys_are_ignored_at_any_depth(read: Load) -> None:
    comments = {"_comment": "x", "_note": ["y"], "_comment_2": None}
    config = read({**comments, "nats": {**comments, "url": "a:1"}, "platforms": [{**comments, "channel": "lobby"}]})
    assert config.nats.url == "nats://a:1"
    assert config.warnings == ()


def test_comments_may_have_the_same_key_twice(read: Load) -> None:
    assert read('{"_comment": 1, "_comment": 2}', name="rosey.json").warnings == ()


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "rosey.json").write_bytes(b'\xef\xbb\xbf{"nats": {"url": "a:1"}}')
    assert load(tmp_path / "rosey.json", {}).nats.url == "nats://a:1"


def test_the_home_folder_may_be_abbreviated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "rosey.json").write_text('{"database": {"path": "~/x.db"}}')
    assert load(Path("~/rosey.json"), {}).database.path == str(tmp_path / "x.db")


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        ('{"nats": {"url": "a:1",\n"x"}}', "rosey.json", "rosey.json, line 2: is not JSON: "),
        ("", "rosey.json", "rosey.json, line 1: is not JSON: Expecting value"),
        ("[1]", "rosey.json", "rosey.json: is no mapping"),
        ("just a text", "rosey.yaml", "rosey.yaml: is no mapping"),
        ("nats:\n\turl: x\n", "rosey.yaml", "rosey.yaml, line 2: is not YAML: found character"),
        ("nats: [\n", "rosey.yaml", "rosey.yaml, line 2: is not YAML: "),
        ("a: 1\n---\nb: 1\n", "rosey.yaml", "rosey.yaml, line 2: is not YAML: a second document begins here"),
        ("a: \x01\n", "rosey.yaml", "rosey.yaml: is not YAML: it has a character"),
        (
            "b: 1\na: &x [*x]\n",
            "rosey.yaml",
            "rosey.yaml, line 2: is not YAML: an alias here repeats what it stands in",
        ),
        ("? [1]\n: 2\n", "rosey.yaml", "rosey.yaml, line 1: is not YAML: a key must be a text"),
        ("[" * 100_000, "rosey.json", "rosey.json: is nested too deeply"),
        ('{"nats": {},\n "nats": {}}', "rosey.json", "rosey.json, line 2: nats: is given twice"),
        ("nats:\n  url: a\n  url: b\n", "rosey.yaml", "rosey.yaml, line 3: nats.url: is given twice"),
    ],
)
def test_a_file_that_cannot_be_understood_is_refused(
    refusal: Callable[..., str], content: str, name: str, expected: str
) -> None:
    assert refusal(content, name=name).startswith(expected)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.json: cannot be read: No such file"):
        load(tmp_path / "nowhere.json", {})
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load(tmp_path, {})
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff\n")
    with pytest.raises(ConfigError, match=r"latin\.yaml: is not UTF-8"):
        load(tmp_path / "latin.yaml", {})


@pytest.mark.parametrize("start", ["a: &a [1]\n", "a: &a {k: 1}\n"])
def test_aliases_repeat_only_so_much(refusal: Callable[..., str], start: str) -> None:
    """Each line repeats the one before it ten times: thirteen lines would be a thousand billion values."""
    names = "abcdefghijklm"
    lines = [f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in pairwise(names)]
    assert refusal(start + "\n".join(lines)) == (
        "rosey.yaml, line 5: is not YAML: aliases up to here repeat more than 10,000 values"
    )


def test_aliases_and_merged_mappings_are_understood(read: Load) -> None:
    config = read(
        """
        legacy: {usual: &usual {type: cytube, server: "https://cytu.be", channel: lobby}}
        platforms:
          - <<: *usual
          - <<: *usual
            channel: den
        """
    )
    assert [platform.channel for platform in config.platforms] == ["lobby", "den"]


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "rosey.yaml").write_text("a: 1\n" * 300_000)
    with pytest.raises(ConfigError, match=r"rosey\.yaml: is larger than 1 MiB$"):
        load(tmp_path / "rosey.yaml", {})
    # It has no end.
    with pytest.raises(ConfigError, match=r"/dev/zero: is larger than 1 MiB$"):
        load(Path("/dev/zero"), {})


def test_a_file_cannot_be_named_so() -> None:
    with pytest.raises(ConfigError, match="the file's name has a character that no name can have"):
        load(Path("rosey\0.yaml"), {})


@pytest.mark.parametrize("key", ["database.path", "bot.spool_dir", "nats.creds", "nats.user"])
def test_a_nul_is_refused_wherever_it_stands(refusal: Callable[..., str], key: str) -> None:
    section, name = key.split(".")
    assert refusal(f'{section}: {{{name}: "a\\0b"}}') == (
        f"rosey.yaml, line 1: {key}: has a NUL character, which no path and no name can have"
    )


def test_a_key_given_twice_in_json_that_yaml_cannot_read_is_refused(refusal: Callable[..., str]) -> None:
    long = "x" * 2000
    assert refusal(f'{{"{long}": 1, "database": {{"path": "a", "path": "b"}}}}', name="rosey.json") == (
        "rosey.json: path: is given twice"
    )


def test_json_that_yaml_cannot_read_is_read_without_its_lines(read: Load, refusal: Callable[..., str]) -> None:
    control = '{"logging":\t{"level": "debug", "_note": "\\ud800\\u0000 \x7f"}}'
    assert read(control, name="rosey.json").logging.level == "DEBUG"
    assert refusal(control.replace("debug", "loud"), name="rosey.json").startswith("rosey.json: logging.level: should")


# Refusals


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("nats:\n  ulr: x\n", "line 2: nats.ulr: unknown key; did you mean 'url'?"),
        ("nats:\n  zzzzz: x\n", "line 2: nats.zzzzz: unknown key"),
        (
            "database:\n  retention:\n    chat_hour: 1\n",
            "line 3: database.retention.chat_hour: unknown key; did you mean",
        ),
        ("databse: {}\n", "line 1: databse: unknown section; did you mean 'database'?"),
        ("platforms:\n- channel: a\n  usr: x\n", "line 3: platforms.0.usr: unknown key; did you mean 'user'?"),
        ("platforms:\n- user: x\n", "line 2: platforms.0.channel: is missing"),
        ("platforms:\n- channel: 123\n", "line 2: platforms.0.channel: should be a text: put it in quotes"),
        ("platforms:\n- channel: lob by\n", "line 2: platforms.0.channel: should be the name of a channel"),
        ("platforms:\n- channel: a\n  server: 'ftp://x'\n", "line 3: platforms.0.server: should be the address"),
        ("platforms:\n- channel: a\n  domain: 'https://u:p@x'\n", "line 3: platforms.0.domain: should be the address"),
        ("platforms:\n- channel: a\n  user: no blanks\n", "line 3: platforms.0.user: should be a name that CyTube"),
        ("platforms:\n- channel: a\n  user: [a, b, c]\n", "line 3: platforms.0.user: should be a name, or [name"),
        ("platforms:\n- channel: []\n", "line 2: platforms.0.channel: should be a name, or [name"),
        ("platforms:\n- channel: a\n  password: x\n  user:\n", "line 3: platforms.0.password: is of no use without"),
        ("platforms:\n- channel: a\n  type: irc\n", "line 3: platforms.0.type: should be 'cytube'"),
        ("platforms:\n- channel: a\n  proxy: h\n", "line 3: platforms.0.proxy: should be the address of a proxy"),
        ("platforms:\n- channel: a\n  proxy: 'ftp://h:1'\n", "line 3: platforms.0.proxy: should be the address"),
        ("platforms:\n- channel: a\n  proxy: 'http://[:1'\n", "line 3: platforms.0.proxy: should be the address"),
        (
            "platforms:\n- channel: a\n- channel: A\n",
            "line 1: platforms: the channel 'a' of https://cytu.be is there twice",
        ),
        ("platforms: {channel: a}\n", "line 1: platforms: should be a list"),
        ("platforms: [lobby]\n", "line 1: platforms.0: should have keys and values"),
        ("nats: {url: 'http://x'}\n", "line 1: nats.url: should be the address of a NATS server"),
        ("nats: {url: 'nats://h:99999'}\n", "line 1: nats.url: should be the address of a NATS server"),
        ("nats: {url: ''}\n", "line 1: nats.url: should be the address of a NATS server"),
        ("nats: {url: 5}\n", "line 1: nats.url: should be a text: put it in quotes"),
        ("nats: 5\n", "line 1: nats: should have keys and values"),
        ("database: {path: ''}\n", "line 1: database.path: "),
        ("database: {path: a.db, url: 'sqlite:///b'}\n", "line 1: database.url: stands beside 'path'"),
        ("database: {default_channel: 'a b'}\n", "line 1: database.default_channel: 'a b' is no channel key"),
        ("database: {retention: {chat_hours: 0}}\n", "line 1: database.retention.chat_hours: should be greater than 0"),
        ("database: {retention: {chat_hours: .inf}}\n", "line 1: database.retention.chat_hours: should be a finite"),
        ("stream: {max_bytes: many}\n", "line 1: stream.max_bytes: could not parse"),
        ("bot: {spool_dir: ''}\n", "line 1: bot.spool_dir: is empty: leave it out for its default"),
        ("nats: {ca: ''}\n", "line 1: nats.ca: is empty: leave it out for its default"),
        ("database: {path: ''}\n", "line 1: database.path: is empty: leave it out for its default"),
        ("bot: {status_interval: 1e-9}\n", "line 1: bot.status_interval: should be greater than or equal to 0.01"),
        ("bot: {stats_timeout: soon}\n", "line 1: bot.stats_timeout: should be a valid number"),
        ("bot: {user_cooldown: -1}\n", "line 1: bot.user_cooldown: should be greater than or equal to 0"),
        ("health: {port: 65536}\n", "line 1: health.port: should be less than or equal to 65535"),
        ("logging: {level: loud}\n", "line 1: logging.level: should be DEBUG, INFO"),
        ("logging: {format: xml}\n", "line 1: logging.format: should be 'auto', 'json' or 'text'"),
        ("version: 3\n", "line 1: version: this Rosey reads version 2"),
        ("version: true\n", "line 1: version: this Rosey reads version 2"),
        ("version: 2\nchannel: a\n", "line 2: channel: belongs in version 2 at platforms.0.channel"),
    ],
)
def test_a_refusal_names_line_key_and_reason(refusal: Callable[..., str], content: str, expected: str) -> None:
    assert refusal(content).startswith(f"rosey.yaml, {expected}")


def test_everything_that_is_wrong_is_told_at_once(refusal: Callable[..., str]) -> None:
    lines = refusal({"platforms": [{"user": "x"}], "nats": {"url": 5}, "health": {"port": -1}}).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["platforms.0.channel", "nats.url", "health.port"]


def test_an_error_can_be_taken_apart(tmp_path: Path) -> None:
    path = tmp_path / "rosey.yaml"
    path.write_text("nats:\n  url: 5\n")
    with pytest.raises(ConfigError) as error:
        load(path, {})
    (problem,) = error.value.problems
    assert (error.value.source, problem.key, problem.line) == (path, "nats.url", 2)


def test_nothing_of_it_changes_later() -> None:
    with pytest.raises(ValidationError):
        Config().nats.url = "x"  # type: ignore[misc]


# Values


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        ("cytu.be", "https://cytu.be"),
        ("https://cytu.be/", "https://cytu.be"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("HTTPS://Cytu.BE:443", "https://cytu.be"),
        ("http://cytu.be.:80/", "http://cytu.be"),
        ("https://cytu.be:80/site/", "https://cytu.be:80/site"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_server_has_one_spelling_and_no_slash_at_its_end(server: str, expected: str) -> None:
    assert Platform(channel="a", server=server).server == expected


@pytest.mark.parametrize(
    "server", ["", "https://", "https://:80", "https://.", "https://cytu.be?x", "https://cytu.be#x"]
)
def test_what_is_no_address_of_a_site_is_refused(server: str) -> None:
    with pytest.raises(ValueError, match="the address of a CyTube site"):
        Platform(channel="a", server=server)


def test_one_channel_in_two_spellings_is_there_twice(refusal: Callable[..., str]) -> None:
    assert "is there twice" in refusal(
        {"platforms": [{"channel": "a"}, {"channel": "A", "server": "https://CYTU.BE:443/"}]}
    )


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        ("localhost:1080", "socks5://localhost:1080"),
        ("http://u:p@localhost:3128", "http://u:p@localhost:3128"),
        (None, None),
    ],
)
def test_a_proxy_without_a_scheme_is_the_originals(proxy: str | None, expected: str | None) -> None:
    found = Platform.model_validate({"channel": "a", "proxy": proxy}).proxy
    assert (found and found.get_secret_value()) == expected


@pytest.mark.parametrize(
    "address",
    ["https://cytu.be/r/Lobby", "https://cytu.be/r/Lobby/", "cytu.be/r/Lobby", "https://cytu.be/r/Lobby?theme=x#chat"],
)
def test_a_channel_may_be_its_address(address: str) -> None:
    platform = Platform(channel=address)
    assert (platform.server, platform.channel, platform.key) == ("https://cytu.be", "Lobby", "lobby")


def test_a_channels_address_is_on_its_server() -> None:
    assert Platform(channel="http://localhost:8080/r/den").server == "http://localhost:8080"
    with pytest.raises(ValidationError, match="or its address, like https:"):
        Platform(channel="https://cytu.be/elsewhere/den")


def test_channels_of_one_name_have_keys_of_their_own(read: Load) -> None:
    config = read({"platforms": [{"channel": "lobby", "enabled": False}, {"channel": "LOBBY", "server": "o.example"}]})
    assert [platform.key for platform in config.platforms] == ["lobby", "lobby-o-example"]
    assert config.default_channel == "lobby-o-example"


def test_a_channel_that_is_switched_off_may_be_there_again(read: Load) -> None:
    config = read({"platforms": [{"channel": "lobby", "enabled": False}, {"channel": "Lobby"}]})
    assert [platform.key for platform in config.channels] == ["lobby"]


def test_the_default_channel_is_the_one_named_or_the_first(read: Load) -> None:
    platforms = [{"channel": "lobby"}, {"channel": "den"}]
    assert read({"platforms": platforms}).default_channel == "lobby"
    assert read({"platforms": platforms, "database": {"default_channel": "Den"}}).default_channel == "den"


def test_bytes_may_have_a_unit(read: Load) -> None:
    assert read({"stream": {"max_bytes": "2GiB"}}).stream.max_bytes == 2 << 30


@pytest.mark.parametrize(
    ("url", "expected", "user", "password", "token"),
    [
        ("h:4222", "nats://h:4222", None, None, None),
        ("nats://a:p%40ss@h:4222", "nats://h:4222", "a", "p@ss", None),
        ("tls://s3cret-token@h", "tls://h", None, None, "s3cret-token"),
        ("nats://a:b@h:1, nats://a:b@i:2", "nats://h:1,nats://i:2", "a", "b", None),
    ],
)
def test_credentials_move_out_of_the_nats_address(
    url: str, expected: str, user: str | None, password: str | None, token: str | None
) -> None:
    nats = Nats.model_validate({"url": url})
    assert nats.servers == expected.split(",")
    given = {"user": user, "password": password, "token": token}
    assert nats.login() == {key: value for key, value in given.items() if value is not None}
    assert nats.options() == {"url": expected, **nats.login(), "credentials_file": None, "authorities_file": None}


def test_credentials_given_apart_win_over_those_in_the_address() -> None:
    options = Nats.model_validate({"url": "nats://a:b@h", "user": "c", "password": "d", "creds": "/run/x"}).options()
    assert (options["user"], options["password"], options["credentials_file"]) == ("c", "d", Path("/run/x"))


def test_the_bus_takes_the_options() -> None:
    assert not Bus(name="test", **Nats(user="a").options()).is_connected


# The environment


def test_a_variable_wins_over_the_file(read: Load) -> None:
    config = read(
        {**FULL, "platforms": [{"domain": "https://x.y", "channel": "a", "user": ["rosey", "old"]}, {"channel": "b"}]},
        {
            "ROSEY_NATS__URL": "nats://other:4222",
            "ROSEY_DATABASE__PATH": ":memory:",
            "ROSEY_DATABASE__RETENTION__CHAT_HOURS": "3",
            "ROSEY_PLATFORMS__0__PASSWORD": "hunter22",
            "ROSEY_PLATFORMS__0__DOMAIN": "https://z.y",
            "ROSEY_PLATFORMS__1__ENABLED": "false",
            "ROSEY_HEALTH__PORT": "9100",
            "ROSEY_PARENT_PID": "1",
            "ROSEY_NATS_PORT_4222_TCP": "tcp://10.0.0.1:4222",
            "ROSEY_LOGGING__LEVEL": "",
            "OTHER__NATS__URL": "x",
        },
    )
    assert config.nats.url == "nats://other:4222"
    assert config.database.path == ":memory:"
    assert config.database.retention.chat_hours == 3
    assert config.health.port == 9100
    assert config.logging.level == "DEBUG", "an empty variable counts as not set"
    first, second = config.platforms
    assert (first.server, first.user) == ("https://z.y", "rosey")
    assert config.secrets() == {"hunter22"}
    assert not second.enabled


def test_variables_alone_make_a_bot() -> None:
    environ = {f"ROSEY_PLATFORMS__{index}__CHANNEL": f"room{index}" for index in range(12)}
    environ |= {"ROSEY_PLATFORMS__0__USERNAME": "rosey"}
    config = load(None, environ)
    assert [platform.channel for platform in config.platforms] == [f"room{index}" for index in range(12)]
    assert config.platforms[0].user == "rosey"


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("ROSEY_NATS__URL", "ftp://x", "nats.url: should be the address"),
        ("ROSEY_NATS__ULR", "x", "nats.ulr: unknown key; did you mean 'url'?"),
        ("ROSEY_HEALTH__PORT", "x", "health.port: should be a valid integer"),
        ("ROSEY_NAST__URL", "x", "nast: unknown section; did you mean 'nats'?"),
        ("ROSEY_SHELL__PORT", "x", "shell.port: unknown section"),
        ("ROSEY_PLATFORMS__1__CHANNEL", "x", "platforms.1.channel: there are only 0 before it"),
        ("ROSEY_PLATFORMS__CHANNEL", "x", "platforms: should be a list"),
        ("ROSEY_PLATFORMS__0", "x", "platforms.0: should have keys and values"),
        ("ROSEY_0__X", "x", "0.x: names something that cannot be there"),
        ("ROSEY_DATABASE__PATH__X", "x", "database.path.x: names something that cannot be there"),
        ("ROSEY_NATS__0__X", "x", "nats: should have keys and values"),
        ("ROSEY_NATS__TOKEN", "${file:/nowhere}", "nats.token: the file /nowhere that it refers to cannot be read"),
    ],
)
def test_a_bad_variable_is_refused_by_its_name(variable: str, value: str, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(None, {variable: value, "ROSEY_DATABASE__PATH": "x.db"})
    assert str(error.value).startswith(f"environment variable {variable}: {expected}")


def test_a_variable_cannot_stand_for_a_whole_platform(refusal: Callable[..., str]) -> None:
    text = refusal({"platforms": [{"channel": "a"}]}, {"ROSEY_PLATFORMS__0": "lobby"})
    assert text == "environment variable ROSEY_PLATFORMS__0: platforms.0: should have keys and values"


def test_a_variable_does_not_get_the_blame_for_its_neighbours(refusal: Callable[..., str]) -> None:
    text = refusal("platforms:\n- user: rosey\n", {"ROSEY_PLATFORMS__0__PASSWORD": "hunter22"})
    assert text == "rosey.yaml, line 2: platforms.0.channel: is missing"
