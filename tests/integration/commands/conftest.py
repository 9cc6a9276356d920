"""A bot in a room of a simulated CyTube, and a moderator who tells it what to do; no NATS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from rosey_bot.channels.channel import Channel, ChannelSettings
from rosey_bot.cytube.login import Credentials
from rosey_bot.cytube.text import plain_text
from rosey_bot.plugins.plugins import Plugins
from rosey_core.events import PmCommand
from rosey_simulator.playlist.media import Media
from rosey_simulator.room import Room
from rosey_simulator.server import SimulatorServer
from rosey_simulator.throttle import Rate
from tests.integration.bot.harness import CHANNEL, FAST, Person
from tests.support.waiting import until
from tests.unit.bot.harness import ListSink, Nobody

VIDEOS = ("first", "second", "third", "fourth", "fifth")


class Scene:
    """The moderator ``Mod`` (rank 5), the bot ``Rosey`` (rank 3), the user ``Alice`` (rank 1), and their room.

    Attributes:
        patience: seconds that an answer may take.
        tasks: what a test has begun, ended with the scene.
    """

    patience: float = 10.0

    def __init__(self, server: SimulatorServer, directory: Path, plugins: Plugins | None) -> None:
        self.server = server
        self.room: Room = server.channel(CHANNEL)
        self.sink = ListSink()
        self.nobody = Nobody()
        self.channel = Channel(
            ChannelSettings(
                key=CHANNEL,
                server=server.url,
                name=CHANNEL,
                credentials=Credentials("Rosey", "pw-Rosey"),
                manners_file=directory / "manners.json",
            ),
            sink=self.sink,
            statistics=self.nobody,
            outbound=self.nobody,
            observer=self.nobody,
            plugins=plugins,
            policy=FAST,
        )
        self._run: asyncio.Task[None] | None = None
        self.people: list[Person] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self.mod: Person

    async def start(self) -> None:
        self._run = asyncio.create_task(self.channel.run())
        await until(lambda: self.channel.joined_since is not None and self.channel.problem is None)
        self.mod = await self.enter("Mod")

    async def stop(self) -> None:
        if self._run is not None:
            self._run.cancel()
            await asyncio.gather(self._run, return_exceptions=True)
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for person in self.people:
            await person.leave()

    async def enter(self, name: str) -> Person:
        """Let somebody in whom the bot then sees with their final rank."""
        person = Person(self.server)
        self.people.append(person)
        await person.enter(name, f"pw-{name}")
        rank = self.room.rank_of(name)
        await until(lambda: (seen := self.channel.room.users.get(name)) is not None and seen.rank == rank)
        return person

    @property
    def audit(self) -> list[tuple[str, str, str, str | None]]:
        """What is on record: command, arguments, result, error."""
        return [(row.command, row.args, row.result, row.error) for row in self.sink.of(PmCommand)]

    async def order(self, text: str, by: Person | None = None) -> list[str]:
        """What the bot answers to a command."""
        person = by or self.mod
        heard = len(person.whispers("Rosey"))
        settled = sum(row[2] != "pending" for row in self.audit)
        await person.whisper("Rosey", text)
        whole = {"timeout": self.patience, "what": f"the answer to {text[:60]}"}
        await until(lambda: sum(row[2] != "pending" for row in self.audit) > settled, **whole)
        await until(lambda: not self.channel._router._running, **whole)
        await until(lambda: len(person.whispers("Rosey")) > heard, **whole)
        return [plain_text(message) for message in person.whispers("Rosey")[heard:]]

    async def succeed(self, text: str) -> str:
        """The one line that the bot answers to a command which succeeds, on record as that."""
        [answer] = await self.order(text)
        assert self.audit[-1][2:] == ("success", None), self.audit[-1]
        return answer

    async def fail(self, text: str) -> str:
        """The one line that the bot answers to a command which fails, on record with that as its error."""
        [answer] = await self.order(text)
        assert self.audit[-1][2:] == ("error", answer), self.audit[-1]
        return answer

    def play(self, *names: str, by: str = "Alice", temp: bool = False, seconds: int = 200) -> None:
        """Put videos on the playlist; the first plays."""
        for name in names or VIDEOS:
            self.room.playlist.add(Media(name, f"The {name} video", seconds), by, temp=temp)

    async def seen(self, count: int) -> None:
        """Wait until bot and moderator see so many items, and the bot what plays."""
        await until(lambda: len(self.channel.room.playlist) == count)
        await until(lambda: self.mod.of("setPlaylistMeta")[-1]["count"] == count)
        await until(lambda: (self.channel.room.media is None) == (count == 0))

    @property
    def titles(self) -> list[str]:
        """The playlist as the server has it."""
        return [item.media.id for item in self.room.playlist.items]

    @property
    def current(self) -> str | None:
        """What plays there."""
        item = self.room.playlist.current
        return None if item is None else item.media.id

    async def permit(self, **ranks: float) -> None:
        """Set permissions, and wait until the bot knows."""
        await self.mod.send("setPermissions", ranks)
        permissions = self.channel.room.permissions
        for right, rank in ranks.items():
            await until(lambda right=right, rank=rank: permissions.allow(right, rank))
            await until(lambda right=right, rank=rank: not permissions.allow(right, rank - 0.1))


@pytest.fixture
def plugins() -> Plugins | None:
    """What is added to the bot: nothing, unless a test's module has its own of this name."""
    return None


@pytest.fixture
async def scene(tmp_path: Path, plugins: Plugins | None) -> AsyncIterator[Scene]:
    """A room with an empty playlist, the bot and the moderator in it."""
    server = SimulatorServer()
    for name in ("Rosey", "Mod", "Alice", "Other"):
        server.add_account(name, f"pw-{name}")
    server.add_channel(CHANNEL, owner="Mod")
    server.set_channel_rank(CHANNEL, "Rosey", 3)
    server.set_channel_rank(CHANNEL, "Other", 2)
    await server.start()
    scene = Scene(server, tmp_path, plugins)
    await scene.start()
    yield scene
    await scene.stop()
    await server.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """CyTube's silence is taken for its answer after a moment."""
    monkeypatch.setattr("rosey_bot.cytube.sending.ECHO_TIMEOUT", 0.1)
    monkeypatch.setattr("rosey_bot.cytube.sending.LOOKUP_TIMEOUT", 0.1)


@pytest.fixture
def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither CyTube nor the bot limits messages: many commands take no time."""
    monkeypatch.setattr("rosey_bot.cytube.throttle.BURST", 10_000)
    monkeypatch.setattr("rosey_simulator.chat.conversation.CHAT", Rate(10_000, 10_000))
