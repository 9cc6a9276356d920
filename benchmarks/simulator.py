"""A process with a simulated CyTube site of many channels, in which people chat at a rate that does not wait.

A line is due, is said in its room, and goes over the socket to whoever is there. Its text is its number, by which its
row is found again.
"""

from __future__ import annotations

import argparse
import asyncio
import gc

from benchmarks import program
from benchmarks.load import open_loop
from rosey_simulator.member import GUEST_RANK, Member
from rosey_simulator.room import Room
from rosey_simulator.server import SimulatorServer


async def simulate(options: argparse.Namespace) -> None:
    """Serve; reports ``url``, and when told to go says the lines; reports when each was due. Ends when told again."""
    server = SimulatorServer()
    rooms = [server.add_channel(f"room{number}") for number in range(options.channels)]
    people = [_people(server, room, options.users) for room in rooms]
    await server.start()
    program.say(url=server.url)
    await program.told_to_go()
    gc.collect()
    gc.freeze()

    def speak(number: int) -> None:
        place, turn = number % len(rooms), number // len(rooms)
        speaker = people[place][turn % options.users]
        rooms[place].handle(speaker, "chatMsg", [{"msg": str(number)}])

    performance = await open_loop(speak, rate=options.rate, count=options.count)
    program.say(start=performance.schedule.start, lateness_ms=performance.lateness.milliseconds())
    await program.told_to_go()
    await asyncio.wait_for(server.stop(), 10)


def _people(server: SimulatorServer, room: Room, users: int) -> list[Member]:
    members = []
    for number in range(users):
        member = Member(f"10.0.0.{number % 250}")
        member.become(f"user{number}", registered=False, global_rank=GUEST_RANK, created_at=0.0)
        if not room.join(member):
            raise RuntimeError(f"{room.name} does not let {member.name} in")
        members.append(member)
    return members


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulator", description=__doc__)
    parser.add_argument("--channels", type=int, default=50)
    parser.add_argument("--users", type=int, default=20, help="people in each channel")
    parser.add_argument("--rate", required=True, type=float)
    parser.add_argument("--count", required=True, type=int)
    program.run(simulate(parser.parse_args()))


if __name__ == "__main__":
    main()
