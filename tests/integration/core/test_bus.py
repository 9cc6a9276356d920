"""The connection to NATS: it needs no server to start, comes back by itself, and says what is the matter."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import nats.errors
import pytest
from nats.aio.client import Client, ServerVersion
from nats.aio.msg import Msg

from rosey_core import bus as bus_module
from rosey_core.bus import Bus, NoResponders, NotConnected, RequestTimeout, server_problem
from tests.support.nats_accounts import accounts
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

MakeBus = Callable[..., Bus]


@pytest.fixture(autouse=True)
def _impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_module, "RECONNECT_WAIT", 0.02)
    monkeypatch.setattr(bus_module, "REBUILD_WAIT", (0.01, 0.05))
    monkeypatch.setattr(bus_module, "CONNECT_TIMEOUT", 1)


@pytest.fixture
async def make_bus() -> AsyncIterator[MakeBus]:
    """Make buses that are closed when the test ends."""
    made: list[Bus] = []

    def make(url: str, **options: object) -> Bus:
        made.append(Bus(url, name="test", **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for bus in made:
        await bus.close()


@pytest.fixture
async def bus(make_bus: MakeBus, nats_server: NatsServer) -> Bus:
    """A bus that is connected to ``nats_server``."""
    bus = make_bus(nats_server.url)
    await bus.start()
    await bus.wait_connected()
    return bus


async def arrived(client: Client) -> None:
    """Return when the server has what ``client`` sent before: also its subscriptions."""
    # nats-py writes a flush's PING ahead of what still waits to be sent; only the second comes after all of it.
    await client.flush()
    await client.flush()


async def test_it_connects_in_the_background(make_bus: MakeBus, nats_server: NatsServer) -> None:
    bus = make_bus(nats_server.url)
    assert bus.problem == "not connected to NATS: not connected yet"
    await bus.start()
    await bus.start()
    await asyncio.wait_for(bus.wait_connected(), 10)
    assert bus.is_connected
    assert bus.problem is None


async def test_it_starts_without_a_server_and_connects_when_one_comes(
    make_bus: MakeBus, nats_server: NatsServer
) -> None:
    nats_server.kill()
    bus = make_bus(nats_server.url)
    begun = time.monotonic()
    await bus.start()
    assert time.monotonic() - begun < 0.1
    await until(lambda: bus.problem not in (None, "not connected to NATS: not connected yet"))
    with pytest.raises(NotConnected):
        await bus.request("x", b"", timeout=1)
    with pytest.raises(NotConnected):
        await bus.publish("x", b"")
    nats_server.start()
    await asyncio.wait_for(bus.wait_connected(), 10)


async def test_who_listens_is_called_at_each_connection(bus: Bus, nats_server: NatsServer) -> None:
    connected: list[Client] = []
    lost: list[bool] = []

    async def listener(client: Client) -> None:
        connected.append(client)

    bus.on_connected(listener)
    bus.on_disconnected(lambda: lost.append(bus.is_connected))
    await until(lambda: len(connected) == 1, what="called at once, since there is a connection")
    nats_server.restart()
    await until(lambda: len(connected) == 2)
    assert lost == [False]
    assert bus.problem is None


async def test_listeners_are_called_in_order_whatever_one_raises(
    make_bus: MakeBus, nats_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    bus = make_bus(nats_server.url)
    called: list[str] = []

    def listener(name: str, error: Exception | None = None) -> bus_module.Listener:
        async def listen(client: Client) -> None:
            await asyncio.sleep(0)
            called.append(name)
            if error is not None:
                raise error

        return listen

    bus.on_connected(listener("first", LookupError("unforeseen")))
    bus.on_connected(listener("second", NotConnected("gone again")))
    bus.on_connected(listener("third"))
    await bus.start()
    await until(lambda: called == ["first", "second", "third"])
    assert [record.levelno for record in caplog.records if "after connecting" in record.message] == [
        logging.ERROR,
        logging.WARNING,
    ]


async def test_where_the_library_gives_up_a_new_client_takes_over(bus: Bus) -> None:
    given_up = bus.client
    seen: list[Client] = []

    async def listener(client: Client) -> None:
        seen.append(client)

    await given_up.close()
    bus.on_connected(listener)
    await until(lambda: bus.is_connected)
    await until(lambda: seen == [bus.client])
    assert bus.client is not given_up
    await bus.publish("x", b"")


async def test_a_client_that_cannot_be_closed_keeps_nobody(
    make_bus: MakeBus, nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under uvloop, where the server's end closes the transport before nats-py writes what is pending."""

    async def fail(client: Client) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    nats_server.stop()
    bus = make_bus(nats_server.url)
    with monkeypatch.context() as broken:
        broken.setattr(Client, "close", fail)
        await bus.start()
        await until(lambda: bus.problem)
        nats_server.start()
        await bus.wait_connected()
        client = bus.client
        await bus.close()
    await client.close()


async def test_a_request_is_answered(bus: Bus, nats_client: Client) -> None:
    async def answer(message: Msg) -> None:
        await message.respond(b"re: " + message.data)

    await nats_client.subscribe("question", cb=answer)
    await arrived(nats_client)
    assert await bus.request("question", b"why", timeout=5) == b"re: why"


async def test_a_request_that_nobody_serves_fails_at_once(bus: Bus) -> None:
    begun = time.monotonic()
    with pytest.raises(NoResponders, match="nobody serves question"):
        await bus.request("question", b"", timeout=30)
    assert time.monotonic() - begun < 5


async def test_a_request_that_is_not_answered_times_out(bus: Bus, nats_client: Client) -> None:
    await nats_client.subscribe("question")
    await arrived(nats_client)
    with pytest.raises(RequestTimeout, match=r"no answer on question within 0\.05 s"):
        await bus.request("question", b"", timeout=0.05)


@pytest.mark.parametrize("is_served", [True, False])
async def test_a_cancellation_that_comes_with_the_answer_is_not_swallowed(
    bus: Bus, monkeypatch: pytest.MonkeyPatch, is_served: bool
) -> None:
    answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()

    async def request(*_: object, timeout: float, **__: object) -> Msg:
        # As nats-py waits.
        message = await asyncio.wait_for(answer, timeout)
        if not is_served:
            raise nats.errors.NoRespondersError
        return message

    monkeypatch.setattr(Client, "request", request)
    asking = asyncio.create_task(bus.request("question", b"", timeout=30))
    await asyncio.sleep(0)
    answer.set_result(Msg(bus.client, data=b"answer"))
    asking.cancel()
    await asyncio.wait({asking})
    assert asking.cancelled()


async def test_what_is_published_arrives_with_its_headers(bus: Bus, nats_client: Client) -> None:
    subscription = await nats_client.subscribe("news")
    await arrived(nats_client)
    await bus.publish("news", b"hello", headers={"Nats-Msg-Id": "e1"})
    message = await subscription.next_msg(timeout=5)
    assert (message.data, message.headers) == (b"hello", {"Nats-Msg-Id": "e1"})


async def test_what_is_too_large_is_an_error_and_the_connection_stays(bus: Bus) -> None:
    with pytest.raises(bus_module.BusError):
        await bus.publish("news", b"x" * (bus.client.max_payload + 1))
    assert bus.is_connected


@pytest.mark.parametrize(
    ("config", "right", "wrong"),
    [
        (
            'authorization: {user: rosey, password: "right-one"}',
            {"user": "rosey", "password": "right-one"},
            {"user": "rosey", "password": "hunter22"},
        ),
        ('authorization: {token: "right-one"}', {"token": "right-one"}, {"token": "hunter22"}),
    ],
)
async def test_it_logs_in_and_says_when_it_may_not_without_the_password(
    make_bus: MakeBus,
    make_nats_server: Callable[..., NatsServer],
    caplog: pytest.LogCaptureFixture,
    config: str,
    right: dict[str, str],
    wrong: dict[str, str],
) -> None:
    caplog.set_level(logging.DEBUG)
    url = make_nats_server(config=config).url
    welcome, turned_away = make_bus(url, **right), make_bus(url, **wrong)
    await welcome.start()
    await turned_away.start()
    await asyncio.wait_for(welcome.wait_connected(), 10)
    await until(lambda: "uthorization" in (turned_away.problem or ""))
    assert "hunter22" not in caplog.text + (turned_away.problem or "")


PASSWORD = 'authorization: {user: rosey, password: "%s"}'


@pytest.mark.parametrize("first", ["server", "bus"])
async def test_a_password_may_change_at_either_side_first(
    make_bus: MakeBus, make_nats_server: Callable[..., NatsServer], first: str
) -> None:
    server = make_nats_server(config=PASSWORD % "old-one")
    bus = make_bus(server.url, user="rosey", password="old-one")
    await bus.start()
    await asyncio.wait_for(bus.wait_connected(), 10)
    new = {"user": "rosey", "password": "new-one"}
    if first == "bus":
        bus.log_in_with(new)
        await bus.client.flush()
        assert bus.is_connected, "the connection that there is lasts"
    server.config = PASSWORD % "new-one"
    server.restart()
    if first == "server":
        await until(lambda: "uthorization" in (bus.problem or ""))
        bus.log_in_with(new)
    await until(lambda: bus.is_connected)


async def test_a_password_that_the_running_server_takes_away_is_waited_for(
    make_bus: MakeBus, make_nats_server: Callable[..., NatsServer]
) -> None:
    server = make_nats_server(config=PASSWORD % "old-one")
    bus = make_bus(server.url, user="rosey", password="old-one")
    await bus.start()
    await asyncio.wait_for(bus.wait_connected(), 10)
    (server.directory / "nats.conf").write_text(PASSWORD % "new-one")
    os.kill(server.pid, signal.SIGHUP)
    await until(lambda: "uthorization" in (bus.problem or ""))
    bus.log_in_with({"password": "new-one"})
    await until(lambda: bus.is_connected)


async def test_closing_ends_it_for_good(bus: Bus) -> None:
    client = bus.client
    await bus.close()
    assert client.is_closed
    assert not bus.is_connected
    with pytest.raises(NotConnected):
        _ = bus.client
    await bus.close()


async def test_it_closes_while_it_tries_to_connect(make_bus: MakeBus, nats_server: NatsServer) -> None:
    nats_server.pause()
    bus = make_bus(nats_server.url)
    await bus.start()
    await asyncio.sleep(0)
    await asyncio.wait_for(bus.close(), 5)
    nats_server.resume()


async def test_the_server_that_we_ship_can_serve(bus: Bus) -> None:
    assert server_problem(bus.client) is None


@pytest.mark.parametrize("version", ["2.10.29", "1.4.0"])
async def test_a_server_that_is_too_old_is_named(bus: Bus, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(Client, "connected_server_version", ServerVersion(version))
    assert server_problem(bus.client) == f"nats-server {version} is too old: Rosey needs 2.11 or newer"


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_closing_while_connecting_ends(nats_server: NatsServer, turns: int) -> None:
    bus = Bus(nats_server.url, name="test")
    await bus.start()
    for _ in range(turns):
        await asyncio.sleep(0)
    await asyncio.wait_for(bus.close(), 5)


async def test_who_registers_late_is_called_alone(nats_server: NatsServer) -> None:
    bus = Bus(nats_server.url, name="test")
    called = []

    async def first(client: Client) -> None:
        called.append("first")

    async def second(client: Client) -> None:
        called.append("second")

    bus.on_connected(first)
    await bus.start()
    await until(lambda: called)
    bus.on_connected(second)
    await until(lambda: "second" in called)
    await bus.close()
    assert called == ["first", "second"]


async def test_answers_come_to_inboxes_of_its_own(make_nats_server: Callable[..., NatsServer]) -> None:
    server = make_nats_server(
        config="""
        authorization {
          users: [
            {user: any, password: any}
            {user: own, password: own, permissions: {publish: ["question"], subscribe: ["_INBOX.one.>"]}}
          ]
        }
        """
    )
    asker = Bus(server.url, name="one", user="own", password="own")
    answerer = Bus(server.url, name="other one", user="any", password="any")
    for bus in (asker, answerer):
        await bus.start()
        await bus.wait_connected()

    async def answer(message: Msg) -> None:
        await message.respond(message.reply.encode())

    await answerer.client.subscribe("question", cb=answer)
    await arrived(answerer.client)
    assert (await asker.request("question", b"", 2)).startswith(b"_INBOX.one.")
    assert answerer.client.new_inbox().startswith("_INBOX.other-one.")
    for bus in (asker, answerer):
        await bus.close()


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that vouches for itself; its key is beside it, ``tls.key``."""
    file = tmp_path / "tls.crt"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(tmp_path / "tls.key"), "-out", str(file), "-days", "2"]
    command += ["-subj", "/CN=nats", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    return file


async def test_an_encrypted_connection_is_made_to_whom_the_authorities_vouch_for(
    make_bus: MakeBus, make_nats_server: Callable[..., NatsServer], certificate: Path
) -> None:
    key = certificate.with_suffix(".key")
    server = make_nats_server(config=f'tls {{cert_file: "{certificate}", key_file: "{key}"}}')
    address = server.url.replace("nats://", "tls://")
    trusting = make_bus(address, authorities_file=certificate)
    distrustful = make_bus(address)
    await trusting.start()
    await distrustful.start()
    await trusting.wait_connected()
    await until(lambda: "certificate verify failed" in (distrustful.problem or ""))


async def test_it_signs_in_with_a_credentials_file_as_soon_as_there_is_a_good_one(
    make_bus: MakeBus, make_nats_server: Callable[..., NatsServer], tmp_path: Path
) -> None:
    config, credentials = accounts()
    server = make_nats_server(config=config, jetstream=False)
    file = tmp_path / "rosey.creds"
    bus = make_bus(server.url, credentials_file=file)
    await bus.start()
    await until(lambda: "No such file" in (bus.problem or ""))
    for content in ("no credentials at all", credentials.replace("SUA", "XUA", 1), credentials[:-60]):
        file.write_text(content)
        tries = bus._client
        await until(lambda tries=tries: bus._client is not tries)
        await until(lambda: f"the credentials file {file} cannot be used" in (bus.problem or ""))
    file.write_text(credentials)
    await until(lambda: bus.is_connected)


async def test_authorities_that_are_not_there_yet_are_waited_for_and_end_in_peace(
    make_bus: MakeBus, nats_server: NatsServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bus = make_bus(nats_server.url, authorities_file=tmp_path / "nowhere.pem")
    await bus.start()
    await until(lambda: "No such file" in (bus.problem or ""))
    tries = bus._client
    await until(lambda: bus._client is not tries, what="another try")
    await bus.close()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]
