"""Messages that others queue over NATS: the bot is told, and posts each once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from rosey_bot.cytube.sending import Outcome, Receipt
from rosey_bot.outbound import OutboundPoster
from rosey_bot.outbound_client import OutboundClient
from rosey_bot.outbound_notices import OutboundNotices
from rosey_bot.publish.outbox import Outbox
from rosey_core import queries, subjects
from rosey_core.bus import Bus, RequestTimeout
from rosey_core.events import Event, OutboundFailed
from rosey_database import BotDatabase, DatabaseService
from rosey_database.requests import notices
from rosey_simulator.server import SimulatorServer
from tests.integration.bot.harness import Person
from tests.integration.flows.conftest import FlowBot, rows_of
from tests.support.nats_server import NatsServer
from tests.support.waiting import until
from tests.unit.bot.harness import RoomHarness

NEVER = 600.0
"""Seconds; a bot that looks into the queue so seldom posts only what it is told of."""

Queue = Callable[[str], Awaitable[int]]


class Looking(OutboundClient):
    """Counts the looks into the queue that were answered."""

    looks = 0

    async def claim(self, channel: str, limit: int, seconds: float) -> list[queries.ClaimedMessage]:
        messages = await super().claim(channel, limit, seconds)
        self.looks += 1
        return messages


class Poster:
    """A bot's outbound part alone: its connection, and what it has said."""

    def __init__(self, url: str, name: str, interval: float) -> None:
        self.said: list[str] = []
        self.bus = Bus(url, name=name)
        self.queue = Looking(self.bus, claimed_by=name)
        room = RoomHarness()
        room.join()
        room.log_in()
        self.poster = OutboundPoster(
            "lobby",
            queue=self.queue,
            room=room.room,
            sending=self,  # type: ignore[arg-type]
            sink=room.sink,
            timeline=room.normaliser.timeline,
            interval=interval,
        )

    def say(self, text: str) -> asyncio.Future[Receipt]:
        self.said.append(text)
        said: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        said.set_result(Receipt(Outcome.SENT))
        return said

    async def start(self) -> None:
        await self.bus.start()
        self.task = asyncio.create_task(self.poster.run())
        # The look that each connection brings: what is posted after it was told of.
        await until(lambda: self.queue.looks)

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.bus.close()


@pytest.fixture
async def make_poster(nats_server: NatsServer) -> AsyncIterator[Callable[..., Awaitable[Poster]]]:
    """Make a poster that is connected and listens."""
    posters: list[Poster] = []

    async def make(*, interval: float = NEVER) -> Poster:
        poster = Poster(nats_server.url, f"bot-{len(posters)}", interval)
        posters.append(poster)
        await poster.start()
        return poster

    yield make
    for poster in posters:
        await poster.stop()


@pytest.fixture
def enqueue(nats_client: Client, database_service: DatabaseService) -> Queue:
    """Queue a message for the channel, as any program may."""

    async def put(text: str) -> int:
        subject = subjects.for_channel(subjects.OUTBOUND_ENQUEUE, "lobby")
        answer = await nats_client.request(subject, queries.encode(queries.EnqueueMessage(message=text)), timeout=5)
        reply: queries.Enqueued = queries.decode_reply(queries.EnqueueMessage, answer.data)
        return reply.message_id

    return put


async def test_what_is_queued_is_posted_without_waiting_for_the_next_look(
    make_poster: Callable[..., Awaitable[Poster]], enqueue: Queue
) -> None:
    bot = await make_poster()
    await enqueue("news")
    await until(lambda: bot.said == ["news"])
    await asyncio.gather(*(enqueue(str(number)) for number in range(20)))
    await until(lambda: len(bot.said) == 21)
    assert sorted(bot.said[1:], key=int) == [str(number) for number in range(20)]


async def test_two_bots_that_are_both_told_post_each_message_once(
    make_poster: Callable[..., Awaitable[Poster]], enqueue: Queue
) -> None:
    bots = [await make_poster(), await make_poster()]
    await asyncio.gather(*(enqueue(str(number)) for number in range(30)))
    await until(lambda: sum(len(bot.said) for bot in bots) >= 30)
    assert sorted(int(text) for bot in bots for text in bot.said) == list(range(30))


async def test_a_message_without_channel_goes_to_the_default_channels_bot(
    make_poster: Callable[..., Awaitable[Poster]],
    nats_client: Client,
    temp_database: BotDatabase,
    database_service: DatabaseService,
) -> None:
    bot = await make_poster()
    question = queries.encode(queries.EnqueueMessage(message="for whoever is here"))
    await nats_client.request(subjects.OUTBOUND_ENQUEUE, question, timeout=5)
    await temp_database.choose_default_channel("lobby")
    await nats_client.request(subjects.OUTBOUND_ENQUEUE, question, timeout=5)
    await until(lambda: bot.said == ["for whoever is here"] * 2)


async def test_who_was_cut_off_looks_when_the_connection_is_back(
    make_poster: Callable[..., Awaitable[Poster]], enqueue: Queue, nats_server: NatsServer, temp_database: BotDatabase
) -> None:
    bot = await make_poster()
    nats_server.kill()
    await until(lambda: not bot.bus.is_connected)
    await temp_database.enqueue_outbound_message("while you were away", channel="lobby")
    nats_server.start()
    await until(lambda: bot.said == ["while you were away"])


async def test_a_bot_that_is_not_told_finds_the_message_when_it_looks(
    make_poster: Callable[..., Awaitable[Poster]], enqueue: Queue
) -> None:
    deaf = await make_poster(interval=0.05)
    await deaf.queue.unwatch("lobby")
    await enqueue("news")
    await until(lambda: deaf.said == ["news"])


async def test_broken_variant_without_notices_nothing_is_posted_before_the_next_look(
    make_poster: Callable[..., Awaitable[Poster]], enqueue: Queue
) -> None:
    deaf = await make_poster()
    await deaf.queue.unwatch("lobby")
    await enqueue("news")
    with suppress(TimeoutError, AssertionError):
        await until(lambda: deaf.said, timeout=0.2)
    assert deaf.said == []


@pytest.fixture
def _quick_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "INTERVAL_S", 0.05)


@pytest.mark.usefixtures("_quick_notices", "database_service")
async def test_what_another_program_put_into_the_table_is_told_of(
    make_poster: Callable[..., Awaitable[Poster]], temp_database: BotDatabase
) -> None:
    bot = await make_poster()
    # Through the facade, which tells nobody: as a program does that writes into the table itself.
    await temp_database.enqueue_outbound_message("news", channel="lobby")
    await until(lambda: bot.said == ["news"])


@pytest.mark.usefixtures("_quick_notices")
async def test_a_message_is_told_of_until_it_is_claimed(
    nats_client: Client, database_service: DatabaseService, temp_database: BotDatabase, enqueue: Queue
) -> None:
    told: list[str] = []

    async def heard(message: Msg) -> None:
        told.append(message.subject)

    await nats_client.subscribe(f"{subjects.OUTBOUND_WAITING}.*", cb=heard)
    await enqueue("news")
    await until(lambda: len(told) >= 3)
    assert set(told) == {f"{subjects.OUTBOUND_WAITING}.lobby"}
    assert await temp_database.claim_outbound_messages(channel="lobby")
    assert await temp_database.get_channels_to_post_in() == []
    await database_service.stop()


@pytest.fixture
def _no_further_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service tells of a message when it is queued, and at its own start, and not again."""
    monkeypatch.setattr(notices, "INTERVAL_S", NEVER)


@pytest.mark.usefixtures("_no_further_notices")
async def test_what_waits_when_the_service_comes_is_told_of_at_once(
    make_poster: Callable[..., Awaitable[Poster]], nats_client: Client, temp_database: BotDatabase
) -> None:
    """As after a crash between the message's row and its notice."""
    service = DatabaseService(nats_client, temp_database)
    await service.start()
    bot = await make_poster()
    await service.stop()
    await temp_database.enqueue_outbound_message("news", channel="lobby")
    await service.start()
    await until(lambda: bot.said == ["news"])
    await service.stop()


@pytest.mark.usefixtures("_no_further_notices")
async def test_who_comes_into_the_room_looks_at_once(
    make_bot: Callable[[], Awaitable[FlowBot]],
    enter: Callable[..., Awaitable[Person]],
    cytube: SimulatorServer,
    enqueue: Queue,
) -> None:
    bot = await make_bot()
    await cytube.stop()
    await until(lambda: bot.channel.joined_since is None)
    await enqueue("while you were out")
    await cytube.start()
    mod = await enter("Mod")
    await bot.in_the_room()
    await until(lambda: "while you were out" in mod.heard("Rosey"))


class Leaving(OutboundClient):
    """The answer to its first claim that brings something comes only after what the test does."""

    leave: Callable[[], Awaitable[None]] | None = None

    async def claim(self, channel: str, limit: int, seconds: float) -> list[queries.ClaimedMessage]:
        messages = await super().claim(channel, limit, seconds)
        if messages and self.leave is not None:
            leave, self.leave = self.leave, None
            await leave()
        return messages


class Charging:
    """A broken variant: what could not be said is a try like any other, and due again minutes later."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox

    def publish(self, event: Event) -> None:
        if isinstance(event, OutboundFailed):
            event = msgspec.structs.replace(event, attempted=True)
        self.outbox.publish(event)


@pytest.mark.parametrize("is_charged", [False, True], ids=["given back", "broken variant: charged"])
async def test_what_a_bot_has_claimed_when_it_loses_the_room_is_posted_as_soon_as_it_is_back(
    nats_server: NatsServer,
    cytube: SimulatorServer,
    enter: Callable[..., Awaitable[Person]],
    enqueue: Queue,
    temp_database: BotDatabase,
    tmp_path: Path,
    is_charged: bool,
) -> None:
    bus = Bus(nats_server.url, name="rosey-bot")
    outbox = Outbox(bus, spool_directory=tmp_path / "spool")
    queue = Leaving(bus, claimed_by="flows")
    sink = Charging(outbox) if is_charged else outbox
    bot = FlowBot(nats_server.url, cytube.url, tmp_path, bus=bus, outbox=outbox, sink=sink, outbound=queue)
    is_out = asyncio.Event()

    async def lose_the_room() -> None:
        await cytube.stop()
        await until(lambda: bot.channel.joined_since is None)
        is_out.set()

    await bot.start()
    await bot.in_the_room()
    queue.leave = lose_the_room
    await enqueue("news")
    await is_out.wait()
    await cytube.start()
    mod = await enter("Mod")
    await bot.in_the_room()

    async def settled() -> list[Any]:
        return await rows_of(temp_database, "SELECT sent, retry_count FROM outbound_messages WHERE claim IS NULL")

    await until(settled)
    if not is_charged:
        await until(lambda: mod.heard("Rosey") == ["news"])
    assert await until(settled) == [{"sent": int(not is_charged), "retry_count": int(is_charged)}]
    assert await temp_database.get_channels_to_post_in() == []
    await bot.stop()


async def test_what_a_bot_is_given_while_it_is_stopped_is_posted_by_the_next(
    nats_server: NatsServer,
    cytube: SimulatorServer,
    make_bot: Callable[[], Awaitable[FlowBot]],
    enter: Callable[..., Awaitable[Person]],
    enqueue: Queue,
    temp_database: BotDatabase,
    tmp_path: Path,
) -> None:
    bus = Bus(nats_server.url, name="rosey-bot")
    queue = Leaving(bus, claimed_by="flows")
    bot = FlowBot(nats_server.url, cytube.url, tmp_path / "first", bus=bus, outbound=queue)
    is_given, is_stopping = asyncio.Event(), asyncio.Event()

    async def wait_for_the_stop() -> None:
        is_given.set()
        await is_stopping.wait()

    await bot.start()
    await bot.in_the_room()
    queue.leave = wait_for_the_stop
    await enqueue("news")
    await is_given.wait()
    stop = asyncio.create_task(bot.stop())
    await until(lambda: bot.channel.joined_since is None)
    is_stopping.set()
    await stop
    mod = await enter("Mod")
    await make_bot()
    await until(lambda: mod.heard("Rosey") == ["news"])
    assert await rows_of(temp_database, "SELECT retry_count FROM outbound_messages") == [{"retry_count": 0}]


@pytest.mark.usefixtures("_no_further_notices")
async def test_an_answer_that_got_lost_delays_a_message_by_a_moment(
    make_poster: Callable[..., Awaitable[Poster]], enqueue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database has given the message away, and tells nobody of it any more."""
    bot = await make_poster()
    ask, asked = bot.bus.request, []

    async def lose_the_first(*arguments: Any) -> bytes:
        answer = await ask(*arguments)
        asked.append(answer)
        if len(asked) == 1:
            raise RequestTimeout("no answer within 2 s")
        return answer

    monkeypatch.setattr(bot.bus, "request", lose_the_first)
    await enqueue("news")
    await until(lambda: bot.said == ["news"])
    assert len(asked) >= 2


async def test_one_channel_is_watched_once_over_connections_and_may_be_watched_before_there_is_one(
    nats_server: NatsServer, nats_client: Client
) -> None:
    bus = Bus(nats_server.url, name="rosey-bot")
    watched, told = OutboundNotices(bus), []
    await watched.watch("lobby", lambda: told.append("lobby"))
    await watched.unwatch("lounge")
    await bus.start()
    await until(lambda: told == ["lobby"])
    # As when nats-py gives up: the bus makes another client, which has no subscriptions.
    await bus.client.close()
    await until(lambda: len(told) == 2)
    told.clear()
    # What another connection publishes may overtake a subscription that is on its way.
    await bus.client.flush()
    for channel in ("lobby", "lounge"):
        await nats_client.publish(subjects.for_channel(subjects.OUTBOUND_WAITING, channel))
    await until(lambda: told)
    await bus.client.flush()
    assert told == ["lobby"]
    await watched.unwatch("lobby")
    await bus.close()
    await watched.unwatch("lobby")
