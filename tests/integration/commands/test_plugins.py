"""The documented examples, installed and at work in a room."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rosey_bot.commands.router import default_registry
from rosey_bot.plugins.loading import load_plugins
from rosey_bot.plugins.plugins import Plugins
from tests.integration.commands.conftest import Scene
from tests.support.distribution import install_project
from tests.support.waiting import until

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Plugins:
    """The examples' plugins; nothing is wrong with them."""
    for project in sorted(EXAMPLES.iterdir()):
        install_project(monkeypatch, tmp_path / project.name, project)

    def failed(*failure: str) -> None:
        raise AssertionError(failure)

    return Plugins(load_plugins(failed, taken={command.name for command in default_registry()}))


async def test_the_examples_do_what_they_say(scene: Scene, plugins: Plugins) -> None:
    assert re.fullmatch(r"Mod rolls [1-6] of 6", await scene.succeed("dice"))
    assert await scene.succeed("dice 1") == "Mod rolls 1 of 1"
    assert "Usage: dice [sides]" in (await scene.order("dice none"))[0]
    alice = await scene.enter("Alice")
    await until(lambda: "Welcome, Alice!" in alice.heard("Rosey"))
    await alice.say("!dice 1")
    await until(lambda: "Alice rolls 1 of 1" in alice.heard("Rosey"))
    assert await scene.succeed("welcomed") == "2 welcomed since the bot started"
    assert scene.mod.heard("Rosey")[0] == "Welcome, Mod!"
    await plugins.close()
