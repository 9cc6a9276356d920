"""The search for secrets in the logs of tests finds what is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.secrets import logged


@pytest.mark.parametrize("key", ["password", "channel_password", "NATS_PASSWORD", "api_token"])
def test_a_secret_of_a_configuration_is_found_in_a_log(tmp_path: Path, key: str) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "rosey.json").write_text(json.dumps({"nats": {key: "s3cr3t-word"}}))
    log = tmp_path / "rosey-bot.log"
    log.write_text('{"message": "logging in as rosey"}')
    assert logged(tmp_path) == {}
    log.write_text('{"message": "cannot log in with s3cr3t-word"}')
    assert logged(tmp_path) == {str(log): ["s3cr3t-word"]}
    # This test's own folder is searched as that of every other.
    log.unlink()


def test_a_yaml_file_holds_secrets_too(tmp_path: Path) -> None:
    (tmp_path / "rosey.yaml").write_text("nats:\n  password: s3cr3t-word\n")
    log = tmp_path / "x.err"
    log.write_text("s3cr3t-word")
    assert logged(tmp_path) == {str(log): ["s3cr3t-word"]}
    log.unlink()
