"""The children's configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rosey_cli.data_directory import DataDirectory
from rosey_cli.failure import Failure
from rosey_cli.up import configuration
from rosey_core.config import Config, load
from rosey_core.telemetry import logs


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    directory = DataDirectory(tmp_path / "data")
    directory.acquire()
    return directory


def written(config: Config, directory: DataDirectory) -> Config:
    """What the children read of what is written for them."""
    configuration.write(config, directory, nats_url="nats://127.0.0.1:4333")
    return load(directory.configuration, {})


def config_file(tmp_path: Path, **sections: Any) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"version": 2, **sections}))
    return path


def test_the_children_are_told_the_places_of_the_run(directory: DataDirectory) -> None:
    config = written(configuration.simulated(Config(), "http://127.0.0.1:8000"), directory)
    (platform,) = config.channels
    assert (platform.server, platform.channel, platform.user) == ("http://127.0.0.1:8000", "demo", "Rosey")
    assert config.nats.url == "nats://127.0.0.1:4333"
    assert Path(config.database.path) == directory.database
    assert config.bot.spool_dir == directory.spool
    assert config.logging.format == "json"
    assert config.bot.guest_login_interval < 1, "a recorded bot that came again is not kept waiting for its login"
    assert directory.configuration.stat().st_mode & 0o777 == 0o600


def test_what_the_person_configured_reaches_the_children(directory: DataDirectory, tmp_path: Path) -> None:
    path = config_file(
        tmp_path,
        platforms=[{"channel": "lobby", "user": "Rosey", "password": "p$${x}${SECRET}"}],
        nats={"url": "nats://else:secret@nats.example.org:4222"},
        database={"path": str(tmp_path / "own.db"), "retention": {"chat_hours": 7}},
        health={"port": 9090},
        logging={"level": "DEBUG"},
        old_section={"key": 1},
    )
    config = load(path, {"SECRET": "from ${outside}"})
    read = written(config, directory)
    (platform,) = read.channels
    assert platform.password is not None
    assert platform.password.get_secret_value() == "p${x}from ${outside}"
    assert read.database.path == str(tmp_path / "own.db")
    assert configuration.database_path(config, directory) == tmp_path / "own.db"
    assert read.database.retention.chat_hours == 7
    assert read.logging.level == "DEBUG"
    assert read.nats.url == "nats://127.0.0.1:4333"
    assert read.nats.password is None
    assert read.health.port == 0
    assert read.legacy == {}
    assert configuration.unused(config) == [
        "nats.url is not used: rosey up starts a nats-server of its own",
        "health.port is not used: the processes would take it from each other",
    ]


def test_a_configuration_for_this_machine_has_nothing_unused() -> None:
    assert configuration.unused(Config()) == []


@pytest.mark.parametrize(
    ("channel", "server", "name"),
    [
        ("lobby", "https://cytu.be", "lobby"),
        ("https://cytu.be/r/Lobby", "https://cytu.be", "Lobby"),
        ("cytu.be/r/lobby", "https://cytu.be", "lobby"),
        ("http://127.0.0.1:8080/r/demo", "http://127.0.0.1:8080", "demo"),
    ],
)
def test_a_channel_is_an_address_or_a_name_on_cytube(channel: str, server: str, name: str) -> None:
    (platform,) = configuration.with_channel(Config(), channel, None, None).channels
    assert (platform.server, platform.channel) == (server, name)


def test_a_password_comes_from_a_file_and_is_masked(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    (platform,) = configuration.with_channel(Config(), "lobby", "Rosey", file).channels
    assert platform.password is not None
    assert platform.password.get_secret_value() == "correct horse"
    assert logs.redacted("it is correct horse") == f"it is {logs.MASK}"


@pytest.mark.parametrize(
    ("channel", "user", "password", "said"),
    [
        ("no channel!", None, None, "--channel: .*1 to 30 letters"),
        ("lobby", "no user!", None, "--user: .*a name that CyTube allows"),
        ("lobby", None, "secret", "--password-file: .*without 'user'"),
        ("lobby", "Rosey", "", "--password-file: .* is empty"),
        ("lobby", "Rosey", None, "--password-file: .* cannot be read: No such file"),
    ],
)
def test_a_channel_that_cannot_be_is_refused_by_its_option(
    tmp_path: Path, channel: str, user: str | None, password: str | None, said: str
) -> None:
    file = tmp_path / "password"
    if password is not None:
        file.write_text(password)
    with pytest.raises(Failure, match=said) as failure:
        configuration.with_channel(Config(), channel, user, None if "channel:" in said or "--user" in said else file)
    assert failure.value.code == 2


def test_a_password_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "password").write_bytes(b"\xff\xfe")
    with pytest.raises(Failure, match="not UTF-8"):
        configuration.with_channel(Config(), "lobby", "Rosey", tmp_path / "password")


def test_a_bad_file_is_refused_with_key_and_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("version: 2\nplatforms:\n  - chanel: lobby\n")
    with pytest.raises(Failure, match=r"config\.yaml, line 3: platforms\.0\.chanel") as failure:
        configuration.from_file(path)
    assert failure.value.code == 2
