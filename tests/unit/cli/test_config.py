"""``rosey config``: what it prints, its exit codes, and that it shows no secret."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from rosey_cli.main import app
from rosey_core.config.schema import schema
from rosey_core.telemetry.logs import MASK

Rosey = Callable[..., Result]

FILE = """\
version: 2
nats:
  url: nats://rosey:${NATS_PASSWORD}@h:4222
platforms:
  - domain: https://cytu.be
    channel: [Lobby, door-key]
    user: [rosey, "${file:password}"]
  - channel: https://other.example/r/den
    response_timeout: 1
logging: {level: debug}
llm: {key: sk-hunter}
"""
SECRETS = ("hunter22", "door-key", "file-secret", "sk-hunter")


@pytest.fixture(autouse=True)
def _password_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_PASSWORD", "hunter22")


@pytest.fixture
def rosey() -> Rosey:
    return lambda *arguments: CliRunner().invoke(app, ["config", *map(str, arguments)])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("file-secret\n")
    path = tmp_path / "rosey.yaml"
    path.write_text(FILE)
    return path


def test_schema_is_printed_as_json(rosey: Rosey) -> None:
    assert json.loads(rosey("schema").stdout) == schema()


def test_a_good_file_is_good(rosey: Rosey, file: Path) -> None:
    result = rosey("check", file)
    assert (result.exit_code, result.stdout) == (0, f"{file}: good, with 2 channels\n")
    assert result.stderr.splitlines() == [
        f"{file}: warning: platforms.1.response_timeout: has no effect: waiting times need no setting any more",
        f"{file}: warning: llm: this Rosey does not use it",
    ]


def test_everything_that_is_wrong_is_told_with_key_reason_and_line(rosey: Rosey, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    bad = {
        "nats": {"url": "ftp://u:hunter22@h", "token": "${NOT_SET}"},
        "platforms": [{"channel": "a b", "domain": "x", "server": "y"}, {"user": ["a", "b", "c"]}],
        "databse": {},
    }
    path.write_text(json.dumps(bad, indent=1))
    result = rosey("check", path)
    assert (result.exit_code, result.stdout) == (1, "")
    found = [line.removeprefix(f"{path}, line ").split(": ")[:2] for line in result.stderr.splitlines()]
    assert found == [
        ["3", "nats.url"],
        ["4", "nats.token"],
        ["8", "platforms.0.channel"],
        ["9", "platforms.0.domain"],
        ["12", "platforms.1.channel"],
        ["13", "platforms.1.user"],
        ["20", "databse"],
    ]
    assert "hunter22" not in result.stderr


def test_a_variable_counts_too(rosey: Rosey, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSEY_HEALTH__PORT", "many")
    result = rosey("check", file)
    assert result.exit_code == 1
    assert result.stderr.startswith("environment variable ROSEY_HEALTH__PORT: health.port: should be a valid integer")


def test_what_is_no_file_is_told(rosey: Rosey, tmp_path: Path) -> None:
    for verb in ("check", "show"):
        result = rosey(verb, tmp_path / "nowhere.json")
        assert result.exit_code == 1
        assert "nowhere.json: cannot be read: No such file" in result.stderr


def test_show_says_what_comes_from_where_and_no_secret(
    rosey: Rosey, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROSEY_HEALTH__PORT", "9100")
    result = rosey("show", file)
    assert result.exit_code == 0
    shown = yaml.safe_load(result.stdout)
    assert shown["platforms"][0]["password"] == shown["nats"]["password"] == MASK
    assert shown["platforms"][1]["server"] == "https://other.example"
    assert shown["database"]["retention"]["chat_hours"] == 150
    assert shown["legacy"] == {"llm": MASK}
    assert [secret for secret in SECRETS if secret in result.stdout] == []
    origins = {" ".join(line.split()) for line in result.stdout.splitlines() if "#" in line}
    assert {
        "version: 2 # rosey.yaml, line 1",
        'server: "https://cytu.be" # rosey.yaml, line 5',
        f'channel_password: "{MASK}" # rosey.yaml, line 6',
        f'password: "{MASK}" # rosey.yaml, line 7: ${{file:password}}',
        'url: "nats://h:4222" # rosey.yaml, line 3: ${NATS_PASSWORD}',
        'user: "rosey" # from a key beside it',
        "port: 9100 # ROSEY_HEALTH__PORT",
        'level: "DEBUG" # rosey.yaml, line 10',
    } <= origins
    assert not [line for line in origins if line.startswith(("chat_hours", "format", "enabled"))]


def test_show_without_a_file_shows_the_defaults(rosey: Rosey) -> None:
    result = rosey("show")
    assert yaml.safe_load(result.stdout)["nats"]["url"] == "nats://localhost:4222"
    assert "#" not in result.stdout


# Migration

FIXTURES = Path(__file__).parents[2] / "fixtures" / "configurations"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_bytes((FIXTURES / "v1_flat.json").read_bytes())
    path.chmod(0o640)
    return path


def test_migrate_keeps_a_backup_and_the_mode(rosey: Rosey, old: Path) -> None:
    before = old.read_bytes()
    result = rosey("migrate", old)
    assert result.exit_code == 0
    backup = old.with_name("config.json.v1.bak")
    assert backup.read_bytes() == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in (old, backup)} == {0o640}
    assert sorted(path.name for path in old.parent.iterdir()) == ["config.json", "config.json.v1.bak"]
    assert json.loads(old.read_text())["legacy"]["llm"]["provider"]["key"] == "made-up-key"
    assert rosey("check", old).exit_code == 0
    assert "  channel -> platforms.0.channel, platforms.0.channel_password\n" in result.stdout
    assert "  markov -> legacy.markov  (not used any more)\n" in result.stdout
    assert "made-up" not in result.output


def test_a_dry_run_says_the_same_and_changes_nothing(rosey: Rosey, old: Path) -> None:
    before = (old.read_bytes(), old.stat().st_mtime_ns)
    told = rosey("migrate", old, "--dry-run").stdout
    assert (old.read_bytes(), old.stat().st_mtime_ns) == before
    assert [path.name for path in old.parent.iterdir()] == ["config.json"]
    done = rosey("migrate", old).stdout
    assert told.replace("would be ", "is ") == done.replace("version 2 now", "version 2")


def test_migrating_again_changes_nothing(rosey: Rosey, old: Path) -> None:
    rosey("migrate", old)
    before = (old.read_bytes(), old.stat().st_mtime_ns)
    result = rosey("migrate", old)
    assert (result.exit_code, result.stdout) == (0, f"{old} is version 2 already: nothing to do\n")
    assert (old.read_bytes(), old.stat().st_mtime_ns) == before


def test_no_backup_is_overwritten(rosey: Rosey, old: Path) -> None:
    old.with_name("config.json.v1.bak").write_text("precious")
    before = old.read_bytes()
    assert "config.json.v1.2.bak" in rosey("migrate", old).stdout
    assert old.with_name("config.json.v1.bak").read_text() == "precious"
    assert old.with_name("config.json.v1.2.bak").read_bytes() == before
    old.write_bytes(before)
    rosey("migrate", old)
    assert len(list(old.parent.iterdir())) == 3, "a backup with the same content is one"


def test_a_migration_that_fails_leaves_the_file_as_it_was(
    rosey: Rosey, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = old.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device", "config.json")

    monkeypatch.setattr("os.fsync", full)
    result = rosey("migrate", old)
    assert (result.exit_code, "No space left on device" in result.stderr) == (1, True)
    assert old.read_bytes() == before
    assert [path for path in old.parent.iterdir() if path.name.startswith(".")] == []


def test_the_file_behind_a_link_is_migrated(rosey: Rosey, old: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(old)
    assert rosey("migrate", link).exit_code == 0
    assert link.is_symlink()
    assert json.loads(old.read_text())["version"] == 2
    assert old.with_name("config.json.v1.bak").exists()


def test_yaml_stays_yaml(rosey: Rosey, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes((FIXTURES / "environment.yaml").read_bytes())
    result = rosey("migrate", path)
    assert yaml.safe_load(path.read_text())["platforms"][0]["channel"] == "den"
    assert "still to do: health.port: two services cannot share it" in result.stdout
    assert path.with_name("config.yaml.v1.bak").exists()


def test_what_keeps_the_result_from_use_is_told(rosey: Rosey, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"domain": "https://cytu.be", "user": "x", "note": "\\ud800"}')
    result = rosey("migrate", path)
    assert result.exit_code == 0
    assert "still to do: platforms.0.channel: is missing" in result.stdout
    assert json.loads(path.read_text())["legacy"]["note"] == "\ud800"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"domain": "a", "domain": "b"}', "line 1: domain: is given twice"),
        ('{"version": 3}', "version: is none that this Rosey knows"),
        ("{", "is not JSON"),
    ],
)
def test_what_cannot_be_migrated_is_not_touched(rosey: Rosey, tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    result = rosey("migrate", path)
    assert result.exit_code == 1
    assert reason in result.stderr
    assert path.read_text() == text
