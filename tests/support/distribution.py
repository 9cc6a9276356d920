"""Small distributions, installed as an installer would: their modules, and a dist-info beside them."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest


def install(monkeypatch: pytest.MonkeyPatch, directory: Path, name: str, modules: dict[str, str], entries: str) -> None:
    """Install a distribution for the time of the test.

    Args:
        directory: where to; it becomes importable.
        modules: the source of each module, by its name.
        entries: its entry points of ``rosey.commands``, one a line.
    """
    information = directory / f"{name.replace('-', '_')}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[rosey.commands]\n{entries}\n")
    for module, source in modules.items():
        (directory / f"{module}.py").write_text(source)
        # Set, so that it is taken away with the test whatever imports it.
        monkeypatch.setitem(sys.modules, module, None)  # type: ignore[arg-type]
        del sys.modules[module]
    monkeypatch.syspath_prepend(str(directory))


def install_project(monkeypatch: pytest.MonkeyPatch, directory: Path, project: Path) -> None:
    """Install a project of single modules by what its ``pyproject.toml`` says."""
    described = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    entries = "\n".join(f"{name} = {value}" for name, value in described["entry-points"]["rosey.commands"].items())
    modules = {path.stem: path.read_text() for path in project.glob("*.py")}
    install(monkeypatch, directory, described["name"], modules, entries)
