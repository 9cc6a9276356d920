"""A bot that is killed at any moment: what it had published before the stated bound arrives, once."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest
from nats.aio.client import Client

from rosey_bot.publish.limits import OutboxLimits
from rosey_bot.publish.outbox import Outbox
from rosey_core import streams
from rosey_core.events import ChatMessage
from tests.integration.outbox import publisher
from tests.integration.outbox.conftest import MakeOutbox
from tests.support.nats_server import NatsServer
from tests.support.verdict import Verdict, judge, stored_events
from tests.support.waiting import until

RATE = 1000
EXPOSURE = OutboxLimits().exposure


class Publisher:
    """The child process, and the record of what it told."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.told: list[tuple[ChatMessage, float]] = []
        self.killed_at = 0.0
        self._reader = asyncio.create_task(self._read())

    async def kill(self) -> None:
        """SIGKILL, now."""
        self.killed_at = time.monotonic()
        self._process.kill()
        await self._process.wait()
        await self._reader

    def published(self, *, until: float = float("inf")) -> list[ChatMessage]:
        """What it had published by this time."""
        return [event for event, at in self.told if at <= until]

    @property
    def longest_pause(self) -> float:
        """For how long the machine did not let it publish, in seconds: nothing can be on disk by then."""
        times = [at for _, at in self.told] + [self.killed_at]
        return max(later - earlier for earlier, later in pairwise(times))

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            event_id, channel, at = line.decode().split()
            self.told.append((ChatMessage(channel=channel, id=event_id, username="anna", message=""), float(at)))


@asynccontextmanager
async def start_publisher(server: NatsServer, spool: Path) -> AsyncIterator[Publisher]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(publisher.__file__), server.url, str(spool), str(RATE), stdout=asyncio.subprocess.PIPE
    )
    child = Publisher(process)
    try:
        yield child
    finally:
        if process.returncode is None:
            await child.kill()


async def holds(client: Client, count: int) -> bool:
    """Whether so many events are stored: the publisher is connected and at work."""
    return (await client.jetstream().stream_info(streams.EVENTS)).state.messages >= count


async def deliver_the_rest(make_outbox: MakeOutbox) -> Outbox:
    outbox = await make_outbox(spool="child")
    await until(lambda: outbox.backlog == 0)
    return outbox


async def verdict_on(child: Publisher, client: Client) -> Verdict:
    """Lost counts only what was older than the bound when the process was killed, in time that it had."""
    stored = await stored_events(client)
    everything = judge(child.published(), stored)
    due = judge(child.published(until=child.killed_at - EXPOSURE - child.longest_pause), stored)
    return Verdict(lost=due.lost, doubled=everything.doubled, reordered=everything.reordered)


@pytest.mark.parametrize("seconds", [0.31, 0.73])
async def test_killed_while_nats_is_away(
    nats_server: NatsServer, stream: Client, make_outbox: MakeOutbox, tmp_path: Path, seconds: float
) -> None:
    async with start_publisher(nats_server, tmp_path / "child") as child:
        await until(lambda: holds(stream, 100))
        nats_server.kill()
        away_since = time.monotonic()
        await until(lambda: time.monotonic() - away_since > seconds)
        await child.kill()
    nats_server.start()
    again = await deliver_the_rest(make_outbox)
    assert again.statistics.replayed >= (seconds - EXPOSURE) * RATE * 0.5
    verdict = await verdict_on(child, stream)
    assert verdict == Verdict()


@pytest.mark.parametrize("seconds", [0.4, 0.6])
async def test_killed_while_nats_is_up_and_does_not_answer(
    nats_server: NatsServer, stream: Client, make_outbox: MakeOutbox, tmp_path: Path, seconds: float
) -> None:
    async with start_publisher(nats_server, tmp_path / "child") as child:
        await until(lambda: holds(stream, 100))
        nats_server.pause()
        paused_at = time.monotonic()
        await until(lambda: time.monotonic() - paused_at > seconds)
        await child.kill()
    # What the child had sent is in the paused server's sockets: with the server it dies, and only the spool is left.
    nats_server.restart()
    await deliver_the_rest(make_outbox)
    assert await verdict_on(child, stream) == Verdict()


async def test_killed_while_all_is_well(
    nats_server: NatsServer, stream: Client, make_outbox: MakeOutbox, tmp_path: Path
) -> None:
    async with start_publisher(nats_server, tmp_path / "child") as child:
        await until(lambda: holds(stream, 500))
        await child.kill()
    await deliver_the_rest(make_outbox)
    assert await verdict_on(child, stream) == Verdict()


async def test_an_outbox_that_spools_later_than_it_says_would_be_found_out(
    nats_server: NatsServer,
    stream: Client,
    make_outbox: MakeOutbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make_late: Callable[[Path], Path],
) -> None:
    """The broken variant: the bound is not kept, and the check above must see it."""
    monkeypatch.setattr(publisher, "__file__", str(make_late(tmp_path)))
    async with start_publisher(nats_server, tmp_path / "child") as child:
        await until(lambda: holds(stream, 100))
        nats_server.pause()
        paused_at = time.monotonic()
        await until(lambda: time.monotonic() - paused_at > 0.5)
        await child.kill()
    nats_server.restart()
    await deliver_the_rest(make_outbox)
    assert (await verdict_on(child, stream)).lost > 100


@pytest.fixture
def make_late() -> Callable[[Path], Path]:
    """Write a publisher whose outbox spools only after a minute."""

    def make(directory: Path) -> Path:
        source = Path(str(publisher.__file__)).read_text()
        late = source.replace(
            "spool_directory=Path(spool))", "spool_directory=Path(spool), limits=OutboxLimits(exposure=60))"
        ).replace("import Outbox\n", "import Outbox\nfrom rosey_bot.publish.limits import OutboxLimits\n")
        assert late.count("OutboxLimits") == 2
        path = directory / "late_publisher.py"
        path.write_text(late)
        return path

    return make
