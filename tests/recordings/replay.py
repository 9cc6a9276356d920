"""Plays the client side of a recording against the simulator, on a clock that jumps to each recorded moment."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from rosey_simulator.frames import Frame
from rosey_simulator.limits import Limits
from rosey_simulator.server import SimulatorServer
from tests.recordings.client import BareClient, ConnectionRefused, Seen
from tests.recordings.transcript import Row, Transcript

EPOCH = 1_795_000_000.0
CHANNEL = "testchan"
PASSWORD = "pw123456"
ACCOUNTS = {"ModUser": 5.0, "RoseyBot": 3.0, "Alice": 1.0}

# What the recorded server took: its answers to logins came after some 45 ms, sometimes a little sooner.
LIMITS = dataclasses.replace(Limits.cytube(), connections_per_address=None, guest_login_seconds=0, login_seconds=0.040)

# The recorder gave every label an address of its own, except here: (recording, label prefix, connection from).
SHARED_ADDRESSES = {"connection_limits": ("guest", "flood")}
FRESH_ADDRESSES = {("kick_and_ban", "alice"): 7}

# With this seed the one recorded shuffle falls as it fell.
SHUFFLE_SEED = 1

SETTLING_SECONDS = 5.0


@dataclass
class ConnectionLog:
    """What one connection of a label was recorded to see, and what it saw now."""

    label: str
    number: int
    recorded: list[Seen] = field(default_factory=list)
    replayed: list[Seen] = field(default_factory=list)


class Replay:
    """One recording against one fresh server."""

    def __init__(self, transcript: Transcript, make_server: Callable[..., SimulatorServer] = SimulatorServer) -> None:
        self._transcript = transcript
        self._now = EPOCH
        self._server = make_server(clock=lambda: self._now, limits=LIMITS)
        self._clients: dict[str, list[BareClient]] = defaultdict(list)
        self._logs: dict[str, list[ConnectionLog]] = defaultdict(list)
        self._addresses: dict[str, str] = {}
        # Labels that have logged in on the web site, and bring a cookie to their next connection.
        self._cookies: set[str] = set()
        self._down = False

    async def run(self) -> list[ConnectionLog]:
        """What each connection was recorded to see beside what it sees now."""
        self._furnish()
        await self._server.start()
        # Only the rows move time here.
        try:
            for index, row in enumerate(self._transcript.rows[: self._transcript.teardown]):
                await self._advance(EPOCH + row.time)
                await self._play(index, row)
            for label, clients in self._clients.items():
                for log, client in zip(self._logs[label], clients, strict=True):
                    log.replayed = list(client.seen)
        finally:
            for clients in self._clients.values():
                for client in clients:
                    await client.leave()
            await self._server.stop()
        return [log for logs in self._logs.values() for log in logs]

    def _furnish(self) -> None:
        for name in ACCOUNTS:
            self._server.add_account(name, PASSWORD)
        room = self._server.add_channel(CHANNEL, owner="ModUser")
        room.playlist.random.seed(SHUFFLE_SEED)
        for name, rank in ACCOUNTS.items():
            self._server.set_channel_rank(CHANNEL, name, rank)
        for event, args in self._first_join():
            if event == "chatMsg":
                room.conversation.buffer.append(Frame(event, *args))

    def _first_join(self) -> list[Seen]:
        """The frames with which the first client was let in: they show what the room kept from before."""
        rows = [row for row in self._transcript.rows if not row.sent]
        starts = [index for index, row in enumerate(rows) if row.event == "emoteList"]
        if not starts:
            return []
        label = rows[starts[0]].client
        frames: list[Seen] = []
        for row in rows[starts[0] :]:
            if row.client == label:
                if row.event == "drinkCount":
                    break
                frames.append((row.event, row.args))
        return frames

    async def _advance(self, moment: float) -> None:
        scheduler = self._server.site.scheduler
        while (due := scheduler.next_due) is not None and due <= moment:
            self._now = max(self._now, due)
            self._server.tick()
            await self._settle()
        self._now = max(self._now, moment)

    async def _play(self, index: int, row: Row) -> None:
        opened = row.event == "@open" or (row.event == "@connect" and not self._just_opened(index, row))
        if not row.sent:
            if opened:
                await self._connect(row)
            elif row.event == "@close" and row.args == ["websocket closed, code None"]:
                await self._close_oldest(row.client)
            elif row.event == "@connect_error" and "onnect" in str(row.args):
                await self._expect_refusal()
            elif (row.event, row.args) == ("@disconnect", ["client disconnect"]):
                await self._clients[row.client][-1].leave()
            if not row.event.startswith("@note") and self._logs[row.client]:
                self._logs[row.client][-1].recorded.append((row.event, row.args))
        elif row.event == "@disconnect":
            await self._clients[row.client][-1].leave()
        elif row.event == "@note":
            await self._note(row)
        elif row.event == "@http":
            self._web(row)
        else:
            await self._clients[row.client][-1].emit(row.event, row.args, acknowledge=self._wants_answer(index, row))
        await self._settle()

    async def _connect(self, row: Row) -> None:
        if self._down:
            self._down = False
            await self._server.start()
        clients = self._clients[row.client]
        number = len(clients) + 1
        client = BareClient(self._server.url, self._address(row.client, number))
        clients.append(client)
        self._logs[row.client].append(ConnectionLog(row.client, number))
        await client.connect()
        if row.client in self._cookies:
            await client.emit("login", [{"name": "Alice", "pw": PASSWORD}])

    def _just_opened(self, index: int, row: Row) -> bool:
        for earlier in reversed(self._transcript.rows[:index]):
            if earlier.client == row.client and not earlier.sent:
                return earlier.event == "@open"
        return False

    def _wants_answer(self, index: int, row: Row) -> bool:
        """Recordings do not say which frames asked for an acknowledgement, so this looks for the answer."""
        if row.event != "newPoll":
            return False
        same = [each for each in self._transcript.rows if each.sent and each.event == "newPoll"]
        # All of the recorded polls asked for one except the second of the two with 51 options.
        return [each for each in same if len(each.args[0]["opts"]) > 50][1:2] != [row]

    async def _close_oldest(self, label: str) -> None:
        for client in self._clients[label]:
            if not client.closed:
                await client.leave()
                return

    async def _expect_refusal(self) -> None:
        try:
            await BareClient(self._server.url, "10.0.0.99").connect()
        except ConnectionRefused:
            return
        raise AssertionError("the server was down here, yet the simulator took a connection")

    async def _note(self, row: Row) -> None:
        text = row.args[0]
        if text.startswith("restart: "):
            await self._server.stop()
            self._down = True
        elif text == "chatMsg of 1 MiB sent":
            await self._clients[row.client][-1].send_text('42["chatMsg",{"msg":"' + "x" * (1 << 20) + '","meta":{}}]')

    def _web(self, row: Row) -> None:
        method, path, *form = row.args
        if method == "POST" and path == "/account/profile":
            self._server.site.set_profile("Alice", form[0]["image"], form[0]["text"])
        elif method == "POST" and path == "/login":
            self._cookies.add(row.client)

    def _address(self, label: str, number: int) -> str:
        shared = SHARED_ADDRESSES.get(self._transcript.name)
        if shared is not None and label.startswith(shared[0]):
            label = shared[1]
        fresh = FRESH_ADDRESSES.get((self._transcript.name, label))
        if fresh is not None and number >= fresh:
            label = f"{label}-{number}"
        return self._addresses.setdefault(label, f"10.1.2.{len(self._addresses) + 1}")

    async def _settle(self) -> None:
        """Wait until the server has answered everything and every client has read its answers."""
        async with asyncio.timeout(SETTLING_SECONDS):
            # Nothing tells when a frame has crossed a socket but the counts at its two ends.
            while not self._is_settled():  # noqa: ASYNC110
                await asyncio.sleep(0)

    def _is_settled(self) -> bool:
        connections = {connection.sid: connection for connection in self._server.connections}
        for clients in self._clients.values():
            for client in clients:
                connection = connections.get(client.sid)
                if client.closed or connection is None:
                    if client.closed == (connection is None):
                        continue
                    return False
                if connection.received < client.events_sent and not connection.put_out:
                    return False
                if not connection.idle or connection.sent > client.packets_received:
                    return False
        return True
