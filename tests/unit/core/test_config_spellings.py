"""Configuration as the original spelt it: what of it is understood, and what is refused with the way out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.core.conftest import Load


def test_the_originals_version_two_is_understood(read: Load) -> None:
    config = read(
        {
            "version": "2.0",
            "_note": "made by hand",
            "nats": {
                "url": "nats://localhost:4222",
                "connection_timeout": 5,
                "max_reconnect_attempts": -1,
                "reconnect_delay": 2,
            },
            "database": {"path": "bot.db", "run_as_service": True},
            "platforms": [
                {
                    "type": "cytube",
                    "name": "primary",
                    "enabled": True,
                    "domain": "https://cytu.be",
                    "channel": ["Lobby", "door"],
                    "user": ["rosey", "hunter22"],
                    "response_timeout": 0.1,
                    "restart_delay": 5,
                    "proxy": None,
                },
                {"domain": "https://cytu.be", "channel": "den", "username": "rosey", "password": "other"},
                {"domain": "https://cytu.be", "channel": ["attic"], "user": ["guest", None], "enabled": False},
                {"domain": "https://cytu.be", "channel": ["cellar", ""], "user": ["guest", ""]},
            ],
            "shell": {"enabled": True, "host": "localhost", "port": 5555},
            "logging": {"level": "info", "chat_log_file": "chat.log", "media_log_file": None},
            "llm": {"provider": {"key": "sk-hunter"}},
            "plugins": {"enabled": True, "directory": "plugins"},
        }
    )
    first, second, third, fourth = config.platforms
    assert (first.server, first.channel, first.user) == ("https://cytu.be", "Lobby", "rosey")
    assert first.password is not None
    assert first.channel_password is not None
    assert (first.password.get_secret_value(), first.channel_password.get_secret_value()) == ("hunter22", "door")
    assert second.password is not None
    assert (second.user, second.password.get_secret_value()) == ("rosey", "other")
    assert (third.channel, third.user, third.password) == ("attic", "guest", None)
    assert (fourth.user, fourth.password, fourth.channel_password) == ("guest", None, None)
    assert config.channels == [first, second, fourth]
    assert config.legacy["llm"] == {"provider": {"key": "sk-hunter"}}
    assert "sk-hunter" not in repr(config)
    assert [warning.partition(":")[0] for warning in config.warnings] == [
        "platforms.0.response_timeout",
        "platforms.0.restart_delay",
        "nats.connection_timeout",
        "nats.max_reconnect_attempts",
        "nats.reconnect_delay",
        "database.run_as_service",
        "logging.chat_log_file",
        "shell",
        "llm",
        "plugins",
    ]


def test_one_thing_in_two_spellings_is_refused(refusal: Callable[..., str]) -> None:
    assert "platforms.0.domain: is another name of 'server'" in refusal(
        {"platforms": [{"channel": "a", "domain": "https://x.y", "server": "https://x.y"}]}
    )
    assert "platforms.0.user: has a password, and 'password' is there too" in refusal(
        {"platforms": [{"channel": "a", "user": ["a", "b"], "password": "c"}]}
    )


V1 = {"domain": "https://cytu.be", "channel": "lobby", "user": "guest", "log_level": "info", "db": "bot.db", "llm": {}}


def test_a_version_one_file_is_refused_with_the_way_out(refusal: Callable[..., str]) -> None:
    assert refusal(V1) == (
        "rosey.json: is a version 1 (flat) file; this Rosey reads version 2: run 'rosey config migrate rosey.json'"
    )


@pytest.mark.parametrize("key", ["domain", "server", "channel", "user", "db", "log_level"])
def test_each_key_of_version_one_alone_shows_it(refusal: Callable[..., str], key: str) -> None:
    assert "version 1" in refusal({key: "x"})


def test_a_file_that_says_version_one_is_refused(refusal: Callable[..., str]) -> None:
    assert "is a version 1 (flat) file" in refusal({"version": 1, "channel": "x"})
    assert "is a version 1 (flat) file" in refusal({"version": "1.0"})


def test_the_environment_form_is_refused_with_the_way_out(refusal: Callable[..., str]) -> None:
    text = refusal({"environment": "prod", "cytube": {"server": "x", "password": "hunter22"}, "features": {}})
    assert "environment form" in text
    assert "rosey config migrate" in text
    assert "hunter22" not in text
