"""A process with a simulated CyTube site of many channels, in which people do what they are told, at a rate that
does not wait.

A line is said in its room and goes over the socket to whoever is there. Its text is its number, by which its row is
found again. Moderators send the bot private messages and note when the last line of the answer has reached them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import html
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from benchmarks import program
from benchmarks.load import Schedule, open_loop
from rosey_simulator.frames import Frame
from rosey_simulator.member import GUEST_RANK, MODERATOR_RANK, Member
from rosey_simulator.room import Room
from rosey_simulator.server import SimulatorServer

BOT: Final = "Rosey"
COMMAND: Final = "stats"
LAST_LINE: Final = "Top chatters"
"""How the last of the four lines begins that answer the command."""
ANSWER_TIMEOUT_S: Final = 5.0


class Moderator:
    """Somebody who may command the bot, in one room.

    Attributes:
        answered: Unix seconds at which each answer was there, in their order.
    """

    def __init__(self, server: SimulatorServer, room: Room, number: int) -> None:
        self.answered: list[float] = []
        self._signs: deque[str] = deque()
        self._room = room
        self._member = Member(f"10.1.0.{number % 250}", sink=self._hear)
        self._member.become(f"moderator{number}", registered=True, global_rank=1, created_at=0.0)
        server.set_channel_rank(room.name, self._member.name, MODERATOR_RANK)
        room.join(self._member)

    def command(self, text: str = COMMAND, sign: str = LAST_LINE) -> None:
        """Send the bot a command; by ``sign`` the line begins with which its answer counts as there."""
        self._signs.append(sign)
        self._room.handle(self._member, "pm", [{"to": BOT, "msg": text}])

    def _hear(self, frame: Frame) -> None:
        if frame.event != "pm" or frame.args[0]["username"] != BOT or not self._signs:
            return
        if html.unescape(frame.args[0]["msg"]).startswith(self._signs[0]):
            self._signs.popleft()
            self.answered.append(time.time())


class Crowd:
    """The people of all rooms.

    Args:
        server: not started yet.
        channels: how many rooms to make.
        users: people in each, who do nothing but talk.
    """

    def __init__(self, server: SimulatorServer, *, channels: int, users: int) -> None:
        self._rooms = [server.add_channel(f"room{number}") for number in range(channels)]
        self._people = [[_join(room, f"user{number}") for number in range(users)] for room in self._rooms]
        self._moderators = [Moderator(server, room, number) for number, room in enumerate(self._rooms)]
        self._visitors: list[Member] = []

    async def say(self, *, first: int, count: int, rate: float) -> dict[str, Any]:
        """Say ``count`` lines, ``rate`` a second, one room after the other."""
        performance = await open_loop(lambda number: self._line(first + number), rate=rate, count=count)
        return {"start": performance.schedule.start, "lateness_ms": performance.lateness.milliseconds()}

    async def burst(self, *, first: int, count: int) -> dict[str, Any]:
        """Say ``count`` lines at one moment, one room after the other.

        Their frames wait in queues of their sockets and leave in the loop's next turn, when all are ``said``.
        """
        start = time.time()
        for number in range(first, first + count):
            self._line(number)
        return {"start": start, "said": time.time()}

    async def command(self, *, count: int, rate: float, first: int, lines: int) -> dict[str, Any]:
        """Send ``count`` commands, ``rate`` a second, one room after the other; seconds until each was answered.

        Meanwhile ``lines`` lines are said.
        """
        before = [len(moderator.answered) for moderator in self._moderators]

        def send(number: int) -> None:
            self._moderators[number % len(self._moderators)].command()

        talk = asyncio.create_task(self.say(first=first, count=lines, rate=lines * rate / count))
        performance = await open_loop(send, rate=rate, count=count)
        await talk
        return await self._answers(before, count, performance.schedule)

    async def ask(self, *, questions: list[tuple[str, str]], count: int, rate: float) -> dict[str, Any]:
        """Send ``count`` commands, ``rate`` a second, in a quiet room after the other; seconds until each was answered.

        Args:
            questions: the commands in turn, and how each one's answer begins.
        """
        before = [len(moderator.answered) for moderator in self._moderators]
        places = len(self._moderators)

        def send(number: int) -> None:
            self._moderators[number % places].command(*questions[number // places % len(questions)])

        performance = await open_loop(send, rate=rate, count=count)
        return await self._answers(before, count, performance.schedule)

    async def mixed(self, *, first: int) -> dict[str, Any]:
        """In every room, all at one moment: somebody joins, somebody talks, and the moderator sends a command."""
        for visitor in self._visitors:
            assert visitor.room is not None
            visitor.room.leave(visitor)
        before = [len(moderator.answered) for moderator in self._moderators]
        start = time.time()
        self._visitors = [_join(room, f"visitor{first + place}") for place, room in enumerate(self._rooms)]
        for place, moderator in enumerate(self._moderators):
            self._line(first + place)
            moderator.command()
        # All are due at once: a rate beyond any.
        return await self._answers(before, len(self._rooms), Schedule(start, float("inf")))

    def _line(self, number: int) -> None:
        place, turn = number % len(self._rooms), number // len(self._rooms)
        people = self._people[place]
        self._rooms[place].handle(people[turn % len(people)], "chatMsg", [{"msg": str(number)}])

    async def _answers(self, before: list[int], count: int, schedule: Schedule) -> dict[str, Any]:
        """Wait for the answers to ``count`` commands; a room's answers come in the order of its commands."""
        places = len(self._moderators)

        def taken() -> list[float]:
            return [
                self._moderators[number % places].answered[before[number % places] + number // places]
                - schedule.due(number)
                for number in range(count)
                if len(self._moderators[number % places].answered) > before[number % places] + number // places
            ]

        deadline = time.monotonic() + ANSWER_TIMEOUT_S
        while len(taken()) < count and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return {"start": schedule.start, "sent": count, "answered_s": taken()}


def _join(room: Room, name: str) -> Member:
    member = Member("10.0.0.1")
    member.become(name, registered=False, global_rank=GUEST_RANK, created_at=0.0)
    if not room.join(member):
        raise RuntimeError(f"{room.name} does not let {name} in")
    return member


async def simulate(options: argparse.Namespace) -> None:
    """Serve; reports ``url``, then does one act after the other and reports on each, until told nothing."""
    server = SimulatorServer()
    crowd = Crowd(server, channels=options.channels, users=options.users)
    await server.start()
    program.say(url=server.url)
    acts: dict[str, Callable[..., Awaitable[dict[str, Any]]]] = {
        "say": crowd.say,
        "burst": crowd.burst,
        "command": crowd.command,
        "ask": crowd.ask,
        "mixed": crowd.mixed,
    }
    while told := await program.told():
        gc.collect()
        gc.freeze()
        program.say(**await acts[told.pop("act")](**told))
    await asyncio.wait_for(server.stop(), 10)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulator", description=__doc__)
    parser.add_argument("--channels", type=int, default=50)
    parser.add_argument("--users", type=int, default=20, help="people in each channel")
    program.run(simulate(parser.parse_args()))


if __name__ == "__main__":
    main()
