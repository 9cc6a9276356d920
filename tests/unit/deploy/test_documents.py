"""What the deployment documents tell people to type exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.support.documents import ROOT, calls

FOLDER = ROOT / "docs" / "deploy"
DOCUMENTS = [FOLDER / name for name in ("README.md", "local.md", "compose.md", "systemd.md")]
TEXT = {document.name: document.read_text() for document in DOCUMENTS}
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
DOCKER = {"build", "up", "down", "kill", "logs", "cp"}
"""Those of Compose's commands that are used."""


def words(*programs: str) -> list[list[str]]:
    """The lines that run one of these programs, wherever it is, in words."""
    return [found[1:] for text in TEXT.values() for found in calls(text, *programs)]


@pytest.mark.parametrize("arguments", words("install"), ids=" ".join)
def test_what_is_installed_is_there(arguments: list[str]) -> None:
    for source in (word for word in arguments[:-1] if word.startswith("deploy/")):
        assert (ROOT / source).is_file()


@pytest.mark.parametrize("arguments", words("pip"), ids=" ".join)
def test_what_pip_installs_is_there(arguments: list[str]) -> None:
    assert arguments[0] == "install"
    for source in (word for word in arguments[1:] if "/" in word):
        assert (ROOT / source).exists()


@pytest.mark.parametrize("arguments", words("systemctl", "journalctl"), ids=" ".join)
def test_each_unit_is_there(arguments: list[str]) -> None:
    for unit in (word for word in arguments if word.startswith("rosey-")):
        assert (ROOT / "deploy" / "systemd" / f"{unit}.service").is_file()


@pytest.mark.parametrize("arguments", [found for found in words("docker") if found[0] == "compose"], ids=" ".join)
def test_each_service_and_profile_of_compose_is_there(arguments: list[str]) -> None:
    rest = arguments[1:]
    if rest[0] == "--profile":
        assert any(rest[1] in service.get("profiles", ()) for service in COMPOSE["services"].values())
        rest = rest[2:]
    assert rest[0] in DOCKER
    named = {word.partition(":")[0] for word in rest[1:] if not word.startswith(("-", ".")) and word != "HUP"}
    assert named <= set(COMPOSE["services"])


def test_the_secrets_that_are_made_are_those_that_are_needed() -> None:
    needed = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}
    (made,) = (set(found[1:]) for found in words("chmod") if found[0] == "644")
    assert made == needed


@pytest.mark.parametrize("port", re.findall(r"localhost:(\d+)", TEXT["compose.md"]))
def test_each_port_of_compose_is_published(port: str) -> None:
    published = [entry for service in COMPOSE["services"].values() for entry in service.get("ports", ())]
    assert any(entry.split(":")[1] == port for entry in published)


@pytest.mark.parametrize("volume", sorted(set(re.findall(r"\brosey_(database|bot|nats)\b", TEXT["compose.md"]))))
def test_each_volume_of_compose_is_there(volume: str) -> None:
    assert volume in COMPOSE["volumes"]
    assert COMPOSE["name"] == "rosey"


@pytest.mark.parametrize("port", re.findall(r"127\.0\.0\.1:(91\d\d)", TEXT["systemd.md"]))
def test_each_port_of_systemd_is_served(port: str) -> None:
    units = (ROOT / "deploy" / "systemd").glob("*.service")
    assert any(f"--health-port {port}" in unit.read_text() for unit in units)


def test_there_is_something_to_test() -> None:
    assert len(words("docker")) >= 9
    assert len(words("systemctl")) >= 5
