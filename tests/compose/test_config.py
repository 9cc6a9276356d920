"""The Compose project as Compose's own reader takes it: ``docker compose config`` where no engine is."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final = ROOT / "compose.yaml"
LOADER: Final = Path(__file__).parent / "loader"
BUILD_S: Final = 600
"""The first time it is downloaded and compiled."""

pytestmark = pytest.mark.timeout(BUILD_S)


@pytest.fixture(scope="session")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reader, compiled."""
    program = tmp_path_factory.mktemp("compose") / "loader"
    built = subprocess.run(
        ["go", "build", "-mod=readonly", "-o", str(program), "."],
        cwd=LOADER,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return program


def config(loader: Path, project: Path, *profiles: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([loader, str(project), *profiles], capture_output=True, text=True, check=False)


def loaded(loader: Path, *profiles: str) -> dict[str, Any]:
    done = config(loader, PROJECT, *profiles)
    assert done.returncode == 0, done.stderr
    project: dict[str, Any] = yaml.safe_load(done.stdout)
    return project


def test_compose_takes_the_project(loader: Path) -> None:
    written = yaml.safe_load(PROJECT.read_text())
    assert set(loaded(loader, "demo")["services"]) == set(written["services"])
    assert set(written["services"]) - set(loaded(loader)["services"]) == {"simulator"}


def test_what_is_shared_by_services_reaches_each(loader: Path) -> None:
    for name, service in loaded(loader, "demo")["services"].items():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"]), name
        for mount in service.get("volumes", ()):
            assert mount["type"] == "volume" or Path(mount["source"]).exists(), mount


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("stop_grace_period:", "stop_grace_periods:"),
        ("start_period: 30s", "start_period: soon"),
        ("depends_on: {volume-owner:", "depends_on: {nobody:"),
    ],
)
def test_a_project_that_compose_would_refuse_is_found(loader: Path, tmp_path: Path, right: str, wrong: str) -> None:
    text = PROJECT.read_text()
    assert right in text
    broken = tmp_path / "compose.yaml"
    broken.write_text(text.replace(right, wrong))
    assert config(loader, broken).returncode == 1
