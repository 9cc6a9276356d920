"""What the people of a room will do, decided without looking at the room: the same for the same seed, however slow
or fast it is played, and whatever others do there."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterator, Sequence

from rosey_simulator.crowd.action import Action, Kind
from rosey_simulator.crowd.catalogue import Catalogue
from rosey_simulator.crowd.population import Person, Population
from rosey_simulator.crowd.sayings import Sayings

PRESENT_SHARE = 0.55
FEWEST_PRESENT = 4
COMMANDS = ("stats", "users", "help", "info", "status", "nonsense 1 2", "USER nobody")
FLOOD_LINES = 25
MOST_MUTED = 2
# How uneven rooms are: the second most popular one has 2 ** -UNEVENNESS of what the first has.
UNEVENNESS = 0.7


class Script:
    """An endless course of actions in one room, in order of time, `rate` of them a second on average."""

    def __init__(self, seed: int, room: str, people: Sequence[Person], rate: float, catalogue: Catalogue) -> None:
        self._chance = random.Random(f"{seed}/script/{room}")
        self._sayings = Sayings(self._chance)
        self._catalogue = catalogue
        self._room = room
        self._rate = rate
        self._at = 0.0
        self._done = 0
        self._away = [person for person in people if not person.is_lurker]
        self._target = max(FEWEST_PRESENT, int(len(self._away) * PRESENT_SHARE))
        self._here: list[Person] = []
        self._lurking: list[Person] = []
        self._lurkers = [person for person in people if person.is_lurker]
        self._muted: list[Person] = []
        moments: tuple[tuple[Callable[[], Iterator[Action]], float], ...] = (
            (self._chat, 34),
            (self._repetition, 3),
            (self._flood, 0.15),
            (self._come_or_go, 17),
            (self._lurk, 6),
            (self._second_tab, 0.7),
            (self._afk, 4),
            (self._queue, 10),
            (self._vote, 6),
            (self._manage_playlist, 9),
            (self._moderate, 3),
            (self._command, 1),
        )
        self._moments = [moment for moment, _ in moments]
        self._weights = list(itertools.accumulate(weight for _, weight in moments))

    def __iter__(self) -> Iterator[Action]:
        while True:
            # Bursts run ahead of the rate and pauses make up for it.
            self._at = max(self._at, (self._done + 2 * self._chance.random()) / self._rate)
            if len(self._here) < FEWEST_PRESENT:
                actions = self._come()
            else:
                actions = self._chance.choices(self._moments, cum_weights=self._weights)[0]()
            for action in actions:
                self._done += 1
                yield action

    # Moments: what happens at once, or nearly so.

    def _chat(self) -> Iterator[Action]:
        speakers = [self._somebody() for _ in range(self._chance.randint(1, 3))]
        for _ in range(self._chance.choice((1, 1, 2, 3, 4, 6))):
            yield self._say(self._chance.choice(speakers), self._sayings.line())
            self._soon()

    def _repetition(self) -> Iterator[Action]:
        """Equal lines in one millisecond, or a little apart."""
        person, text = self._somebody(), self._sayings.line()
        others = [person, person, self._somebody()]
        at_once = self._chance.random() < 0.7
        for _ in range(self._chance.choice((2, 2, 3))):
            yield self._say(self._chance.choice(others), text)
            if not at_once:
                self._soon()

    def _flood(self) -> Iterator[Action]:
        """More lines than CyTube lets through."""
        person, text = self._somebody(), self._sayings.line()
        for number in range(FLOOD_LINES):
            yield self._say(person, f"{text} {number // 2}")

    def _come_or_go(self) -> Iterator[Action]:
        tide = 0.5 + (self._target - len(self._here)) / self._target
        return self._come() if self._chance.random() < tide else self._go()

    def _come(self) -> Iterator[Action]:
        if not self._away:
            return
        person = self._away.pop(self._chance.randrange(len(self._away)))
        yield self._arrival(person)
        self._here.append(person)

    def _go(self) -> Iterator[Action]:
        if len(self._here) > FEWEST_PRESENT:
            person = self._somebody()
            yield self._action(Kind.GO, person)
            self._gone(person)

    def _lurk(self) -> Iterator[Action]:
        coming = self._chance.random() < 0.5
        source, target = (self._lurkers, self._lurking) if coming else (self._lurking, self._lurkers)
        if source:
            person = source.pop(self._chance.randrange(len(source)))
            target.append(person)
            yield self._action(Kind.COME, person, name="", late=False) if coming else self._action(Kind.GO, person)

    def _second_tab(self) -> Iterator[Action]:
        """Somebody who is there comes once more: CyTube ends the older connection."""
        yield self._arrival(self._somebody())

    def _afk(self) -> Iterator[Action]:
        yield self._say(self._somebody(), self._chance.choice(("/afk", "/afk", "/afk back in five")))

    def _queue(self) -> Iterator[Action]:
        live = self._chance.random() < 0.3
        # Streams are for moderators to add (PROTOCOL section 8); now and then somebody else tries.
        person = self._moderator() if live and self._chance.random() < 0.9 else self._somebody()
        if person is None:
            return
        request = self._catalogue.request(self._chance, live=live)
        position = "next" if self._chance.random() < 0.3 else "end"
        yield self._action(Kind.QUEUE, person, **request, pos=position, temp=self._chance.random() < 0.4)

    def _vote(self) -> Iterator[Action]:
        for _ in range(self._chance.randint(1, 4)):
            yield self._action(Kind.VOTE_SKIP, self._chance.choice(self._here + self._lurking))

    def _manage_playlist(self) -> Iterator[Action]:
        person = self._moderator()
        if person is None:
            yield from self._come()
            return
        chance = self._chance
        kind = chance.choices(
            (Kind.REMOVE, Kind.MOVE, Kind.KEEP, Kind.JUMP, Kind.SKIP, Kind.LOCK, Kind.SHUFFLE, Kind.CLEAR_PLAYLIST),
            (24, 30, 12, 6, 20, 4, 3, 1),
        )[0]
        if kind is Kind.MOVE:
            yield self._action(kind, person, place=chance.random(), to=chance.random())
        elif kind is Kind.KEEP:
            yield self._action(kind, person, place=chance.random(), temp=chance.random() < 0.5)
        elif kind in (Kind.REMOVE, Kind.JUMP):
            yield self._action(kind, person, place=chance.random())
        else:
            yield self._action(kind, person)

    def _moderate(self) -> Iterator[Action]:
        person = self._moderator()
        targets = [each for each in self._here if not each.is_moderator]
        if person is None or not targets:
            yield from self._come()
            return
        chance = self._chance
        target = chance.choice(targets)
        name = chance.choice(target.spellings)
        what = chance.choices(("clear", "kick", "mute", "smute", "unmute", "kickanons"), (10, 20, 14, 20, 34, 3))[0]
        if len(self._muted) > MOST_MUTED:
            what = "unmute"
        if what == "unmute":
            if self._muted:
                forgiven = self._muted.pop(chance.randrange(len(self._muted)))
                yield self._say(person, f"/unmute {forgiven.spellings[0]}")
        elif what == "clear":
            yield self._say(person, "/clear")
        elif what == "kickanons":
            yield self._say(person, "/kickanons")
            self._lurkers += self._lurking
            self._lurking.clear()
        elif what == "kick":
            if len(self._here) > FEWEST_PRESENT:
                yield self._say(person, f"/kick {name} {self._sayings.reason()}")
                self._gone(target)
        else:
            yield self._say(person, f"/{what} {name}")
            if target not in self._muted:
                self._muted.append(target)

    def _command(self) -> Iterator[Action]:
        person = self._moderator() if self._chance.random() < 0.9 else self._somebody()
        if person is not None:
            yield self._action(Kind.COMMAND, person, text=self._chance.choice(COMMANDS))

    # Their parts.

    def _somebody(self) -> Person:
        return self._chance.choice(self._here)

    def _moderator(self) -> Person | None:
        moderators = [person for person in self._here if person.is_moderator]
        return self._chance.choice(moderators) if moderators else None

    def _arrival(self, person: Person) -> Action:
        return self._action(
            Kind.COME, person, name=self._chance.choice(person.spellings), late=self._chance.random() < 0.3
        )

    def _gone(self, person: Person) -> None:
        self._here.remove(person)
        self._away.append(person)

    def _say(self, person: Person, text: str) -> Action:
        return self._action(Kind.SAY, person, text=text)

    def _action(self, kind: Kind, person: Person, **detail: object) -> Action:
        return Action(round(self._at * 1000), self._room, kind, person, detail)

    def _soon(self) -> None:
        """The next of a burst: most come in the same moment, the others before long."""
        if self._chance.random() > 0.6:
            self._at += self._chance.random() / self._rate


def actions(seed: int, population: Population, rate: float, catalogue: Catalogue) -> Iterator[Action]:
    """What happens in all rooms together, `rate` actions a second, in order of time."""
    shares = [(place + 1) ** -UNEVENNESS for place in range(len(population.rooms))]
    scripts = [
        Script(seed, room, people, rate * share / sum(shares), catalogue)
        for (room, people), share in zip(population.rooms.items(), shares, strict=True)
    ]
    return heapq.merge(*scripts, key=lambda action: action.at)
