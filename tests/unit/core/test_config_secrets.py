"""Secrets in a configuration: where they may stand, and that nothing shows them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from rosey_core.telemetry import logs
from rosey_core.telemetry.logs import MASK
from tests.unit.core.conftest import Load


def test_a_value_may_stand_in_the_environment_or_in_a_file(read: Load, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter22\r\n")
    config = read(
        {
            "platforms": [{"channel": "a", "user": ["rosey", "${PASSWORD}"]}],
            "nats": {"url": "nats://rosey:${file:secret}@h", "token": f"${{file:{tmp_path}/secret}}"},
            "database": {"default_channel": None, "url": "postgresql://rosey:p%40ss@h/$${db}"},
        },
        {"PASSWORD": "${X} and more"},
    )
    assert config.platforms[0].password is not None
    assert config.platforms[0].password.get_secret_value() == "${X} and more", "what comes in is not searched again"
    assert config.nats.options()["password"] == config.nats.options()["token"] == "hunter22"
    assert config.secrets() == {"${X} and more", "hunter22", "p@ss", "postgresql://rosey:p%40ss@h/${db}"}


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("${NOT_SET}", "the environment variable NOT_SET that it refers to is not set"),
        ("${EMPTY}", "the environment variable EMPTY that it refers to is not set"),
        ("${file:nowhere}", "cannot be read: No such file"),
        ("${file:empty}", "is empty"),
        ("${file:binary}", "is not UTF-8 text"),
        ("${file:/dev/zero}", "is longer than 65,536 characters"),
        ("${}", "must name an environment variable or 'file:'"),
        ("${a-b}", "must name an environment variable or 'file:'"),
    ],
)
def test_a_reference_into_the_void_is_refused(
    refusal: Callable[..., str], tmp_path: Path, reference: str, reason: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    text = refusal(f"nats:\n  token: '{reference}'\n", {"EMPTY": ""})
    assert text.startswith("rosey.yaml, line 2: nats.token: ")
    assert reason in text


@pytest.mark.parametrize(
    "content",
    [
        "platforms:\n- channel: a\n  user: [rosey, hunter22, x]\n",
        "platforms:\n- channel: a\n  user: rosey\n  password: [hunter22]\n",
        "platforms:\n- channel: [a, {hunter22: 1}]\n",
        "nats: {url: 'ftp://rosey:hunter22@h'}\n",
        "nats: {url: 'nats://rosey:hunter22@:x'}\n",
        "nats: {token: {hunter22: 1}}\n",
        "nats: {token: *hunter22}\n",
        "nats: {token: !hunter22 x}\n",
        "nats: {token: &hunter22 }}\n",
        "nats: {token: 'hunter22\n",
        "nats: {token: hunter22: x}\n",
        "database: {path: x, url: 'postgresql://u:hunter22@h/db'}\n",
        '{"nats": {"token": "hunter22" "x"}}',
    ],
)
def test_no_refusal_shows_a_secret(refusal: Callable[..., str], content: str) -> None:
    assert "hunter22" not in refusal(content)


def test_no_secret_is_in_a_repr_and_the_log_masks_each(read: Load) -> None:
    config = read(
        {
            "platforms": [{"channel": ["a", "door-key"], "user": ["rosey", "hunter22"]}],
            "nats": {"url": "nats://n:nats-pass@h", "token": "nats-token"},
            "database": {"url": "postgresql://u:db-pass@h/db"},
        }
    )
    secrets = ["door-key", "hunter22", "nats-pass", "nats-token", "db-pass"]
    for shown in (repr(config), str(config), config.model_dump_json()):
        assert not [secret for secret in secrets if secret in shown]
    assert logs.redacted(" ".join(secrets)) == " ".join([MASK] * len(secrets))
