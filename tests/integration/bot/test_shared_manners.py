"""How moderators want the bot to behave goes with the channel: from bot to bot, over a NATS that is away, and back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from nats.aio.client import Client
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

from rosey_bot.channels.shared_manners import SharedManners
from rosey_bot.manners import Manners, decoded
from rosey_core import bucket_watch, streams
from rosey_core.bus import Bus
from rosey_core.streams import StreamLimits
from tests.support.nats_server import NatsServer
from tests.support.waiting import until
from tools import chart


class Process:
    """One of several bots on one NATS, each with a disk of its own."""

    def __init__(self, nats_server: NatsServer, directory: Path, **login: str) -> None:
        self.bus = Bus(nats_server.url, name="rosey-bot", **login)
        self.shared = SharedManners(self.bus)
        self._directory = directory
        self._work: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.bus.start()
        self._work = asyncio.create_task(self.shared.run())

    async def stop(self) -> None:
        if self._work is not None:
            self._work.cancel()
            await asyncio.gather(self._work, return_exceptions=True)
        await self.bus.close()

    def enter(self, key: str = "lobby") -> Manners:
        return self.shared.of(key, self._directory / f"{key}.json")

    @property
    def has_heard(self) -> set[str]:
        return set(self.shared._told)


Make = Callable[[str], Process]


@pytest.fixture
async def make(nats_server: NatsServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Make]:
    """Make a bot of this name, which a restart keeps."""
    monkeypatch.setattr(bucket_watch, "RETRY_WAIT", 0.05)
    monkeypatch.setattr(bucket_watch, "LOOK_INTERVAL", 0.02)
    made: list[Process] = []

    def make(name: str) -> Process:
        made.append(Process(nats_server, tmp_path / name))
        return made[-1]

    yield make
    for process in made:
        await process.stop()


@pytest.fixture
async def buckets(nats_client: Client) -> None:
    """The buckets, as the database service makes them."""
    await streams.ensure_buckets(nats_client, StreamLimits())


@pytest.mark.usefixtures("buckets")
async def test_what_one_bot_is_told_holds_for_all(make: Make) -> None:
    one, other = make("one"), make("other")
    here, there = one.enter(), other.enter()
    await one.start()
    await other.start()
    here.be_quiet()
    await until(lambda: there.is_quiet)
    there.maintain(True)
    there.speak()
    await until(lambda: here.is_maintained and not here.is_quiet)


@pytest.mark.usefixtures("buckets")
async def test_a_bot_that_takes_a_channel_over_knows_at_once(make: Make) -> None:
    one, other = make("one"), make("other")
    await one.start()
    await other.start()
    one.enter().be_quiet()
    await until(lambda: other.has_heard)
    assert other.enter().is_quiet
    assert not other.enter("den").is_quiet


@pytest.mark.usefixtures("buckets")
async def test_the_file_is_what_is_known_while_nats_is_away(make: Make, nats_server: NatsServer) -> None:
    one, other = make("one"), make("other")
    here, there = one.enter(), other.enter()
    await one.start()
    await other.start()
    here.be_quiet()
    await until(lambda: there.is_quiet)
    nats_server.kill()
    there.maintain(True)
    again = make("other")
    assert (again.enter().is_quiet, again.enter().is_maintained) == (True, True)
    nats_server.restart()
    await until(lambda: here.is_maintained, timeout=20.0)


async def both_changed_while_nats_was_away(make: Make, nats_server: NatsServer, patience: float = 20.0) -> None:
    one, other = make("one"), make("other")
    here, there = one.enter(), other.enter()
    await one.start()
    await other.start()
    here.be_quiet()
    await until(lambda: there.is_quiet)
    nats_server.kill()
    here.be_quiet(5e9)
    here.maintain(True)
    there.speak()
    nats_server.restart()
    await until(lambda: not here.is_quiet, timeout=patience, what="the later change")
    await until(lambda: there.is_maintained, timeout=patience, what="the other change")
    assert here.is_maintained
    assert not there.is_quiet


@pytest.mark.usefixtures("buckets")
async def test_of_two_changes_the_later_one_holds(make: Make, nats_server: NatsServer) -> None:
    await both_changed_while_nats_was_away(make, nats_server)


@pytest.mark.usefixtures("buckets")
async def test_broken_variant_what_comes_last_holds(
    make: Make, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def take(self: Manners, told: bytes) -> bool:
        if told == b"{}":
            return True
        self._state = decoded(told)
        return False

    monkeypatch.setattr(Manners, "take", take)
    with pytest.raises(TimeoutError):
        await both_changed_while_nats_was_away(make, nats_server, patience=1.0)


async def test_it_waits_for_the_bucket(make: Make, nats_client: Client) -> None:
    one = make("one")
    await one.start()
    one.enter().be_quiet()
    await until(lambda: "no bucket yet" in (one.shared.problem or ""))
    await streams.ensure_buckets(nats_client, StreamLimits())
    other = make("other")
    there = other.enter()
    await other.start()
    await until(lambda: there.is_quiet)


@pytest.mark.usefixtures("buckets")
async def test_what_others_put_into_the_bucket_is_passed_over(
    make: Make, nats_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    bucket = await nats_client.jetstream().key_value(streams.CHANNEL_MANNERS)
    await bucket.put("lobby", b"made up")
    await bucket.put("den", b'{"is_quiet":true,"quiet_changed":1e400}')
    await bucket.put("gone", b"{}")
    await bucket.delete("gone")
    one = make("one")
    here = one.enter()
    await one.start()
    await until(lambda: len(one.has_heard) == 3)
    assert (here.is_quiet, one.enter("den").is_quiet, one.enter("gone").is_quiet) == (False, False, False)
    assert "lobby: what bucket ROSEY_CHANNEL_MANNERS has for it is passed over" in caplog.text
    here.be_quiet()
    one.enter("gone").be_quiet()

    async def is_told() -> bool:
        try:
            entries = [await bucket.get(key) for key in ("lobby", "den", "gone")]
        except KeyNotFoundError:
            return False
        return all(b'"is_quiet":true' in (entry.value or b"") for entry in entries)

    one.enter("den").be_quiet()
    await until(is_told)


@pytest.mark.usefixtures("buckets")
async def test_what_goes_wrong_in_hearing_ends_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = make("one"), make("other")
    there = other.enter()
    right, failures = SharedManners._hear, [ZeroDivisionError("on purpose")]

    def hear(self: SharedManners, entry: KeyValue.Entry) -> None:
        if failures:
            raise failures.pop()
        right(self, entry)

    monkeypatch.setattr(SharedManners, "_hear", hear)
    await one.start()
    await other.start()
    one.enter().be_quiet()
    await until(lambda: there.is_quiet)
    # Whose hearing failed has first to end its watch: the other may have heard by then.
    await until(lambda: "what moderators said to the bot stays in its file: following it failed" in caplog.text)


@pytest.mark.usefixtures("buckets")
async def test_a_bucket_that_has_lost_everything_is_told_again(
    make: Make, nats_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_watch, "REREAD_INTERVAL", 0.1)
    one = make("one")
    await one.start()
    one.enter().be_quiet()
    bucket = await nats_client.jetstream().key_value(streams.CHANNEL_MANNERS)

    async def is_told() -> bool:
        return bool((await bucket.status()).values)

    await until(is_told)
    await nats_client.jsm().purge_stream(f"KV_{streams.CHANNEL_MANNERS}")
    assert not await is_told()
    await until(is_told)


async def test_the_rights_that_the_chart_gives_are_enough(
    make_nats_server: Callable[..., NatsServer], tmp_path: Path
) -> None:
    rights = {name: json.dumps(rights) for name, rights in chart.permissions().items()}
    users = [f'{{user: "{name}", password: "made-up", permissions: {rights[name]}}}' for name in rights]
    server = make_nats_server(config=f"authorization {{users: [{', '.join(users)}]}}")
    database = Bus(server.url, name="rosey-database", user="database", password="made-up")
    await database.start()
    await database.wait_connected()
    await streams.ensure_buckets(database.client, StreamLimits())
    one, other = (Process(server, tmp_path / name, user="bot", password="made-up") for name in ("one", "other"))
    there = other.enter()
    try:
        await one.start()
        await other.start()
        one.enter().be_quiet()
        await until(lambda: there.is_quiet)
    finally:
        await one.stop()
        await other.stop()
        await database.close()
    assert "Violation" not in server.log()
