"""Who there is: people with their names and spellings, their ranks, and the rooms they visit."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rosey_simulator.accounts import appearance

ACCOUNT_SHARE = 0.4
LURKER_SHARE = 0.3
MODERATORS = 3
MODERATOR_RANKS = (3.0, 2.0, 2.0)
PASSWORD = "crowd"  # noqa: S105 (accounts that exist in a simulation only)

_FIRST = """
    Sleepy Night Turbo Neon Salty Lunar Cosmic Rusty Velvet Pixel Mellow Static Feral Humble Solar Grumpy Silent
    Crispy Quantum Foggy
""".split()  # noqa: SIM905 (a list of so many literals is harder to read)
_SECOND = """
    Otter Raven Panda Wizard Toaster Ghost Badger Comet Noodle Falcon Cactus Robot Ferret Moth Penguin Goblin Lemur
    Kettle Turtle Yak
""".split()  # noqa: SIM905 (a list of so many literals is harder to read)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who visits one room. `spellings` are the names they log in by; a lurker never does.

    An account always comes under its own spelling, as CyTube has it. A guest may come back under another one.
    """

    id: str
    spellings: tuple[str, ...]
    address: str
    account: bool = False
    rank: float = 0.0

    @property
    def is_lurker(self) -> bool:
        return not self.spellings

    @property
    def is_moderator(self) -> bool:
        return self.rank >= 2


class Population:
    """The people of every room, the same for the same seed, rooms and number of users a room."""

    def __init__(self, seed: int, rooms: Sequence[str], users: int) -> None:
        self._random = random.Random(f"{seed}/population")
        self._names = self._make_names()
        self._addresses = self._make_addresses()
        self.rooms: dict[str, list[Person]] = {}
        commuters: list[Person] = []
        for room in rooms:
            # Accounts that are at home in the room before visit this one too, from where they always connect.
            people = [Person(each.id, each.spellings, each.address, account=True, rank=1.0) for each in commuters]
            people += [self._person(index) for index in range(max(users, MODERATORS + 3) - len(people))]
            lurkers = max(1, int(len(people) * LURKER_SHARE))
            people += [Person(f"~{number}", (), next(self._addresses)) for number in range(lurkers)]
            self.rooms[room] = people
            commuters = [each for each in people if each.account and each.rank == 1.0][:2]

    def _person(self, index: int) -> Person:
        name = next(self._names)
        if index < MODERATORS:
            return Person(name.lower(), (name,), next(self._addresses), account=True, rank=MODERATOR_RANKS[index])
        if self._random.random() < ACCOUNT_SHARE:
            return Person(name.lower(), (name,), next(self._addresses), account=True, rank=1.0)
        return Person(name.lower(), (name, name.lower(), name.swapcase()), next(self._addresses))

    def _make_names(self) -> Iterator[str]:
        pairs = [first + second for first in _FIRST for second in _SECOND]
        self._random.shuffle(pairs)
        taken: set[str] = set()
        number = 0
        while True:
            for pair in pairs:
                form = self._random.randrange(4)
                name = (pair, pair.lower(), f"xX_{pair}", f"{pair}-{self._random.randrange(100)}")[form]
                # Beyond the pairs that there are, numbers keep names apart.
                name = (name if not number else f"{pair[:15]}_{number}")[:20]
                if appearance(name) not in taken:
                    taken.add(appearance(name))
                    yield name
            number += 1

    @staticmethod
    def _make_addresses() -> Iterator[str]:
        number = 0
        while True:
            number += 1
            yield f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
