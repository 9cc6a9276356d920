"""What a crowd is going to do."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest

from rosey_simulator.accounts import VALID_NAME, appearance
from rosey_simulator.crowd import script
from rosey_simulator.crowd.action import Action, Kind
from rosey_simulator.crowd.catalogue import Catalogue
from rosey_simulator.crowd.population import Population


def actions(count: int, *, seed: int = 1, rooms: int = 1, users: int = 30, rate: float = 20.0) -> list[Action]:
    population = Population(seed, [f"room{number}" for number in range(rooms)], users)
    return list(itertools.islice(script.actions(seed, population, rate, Catalogue(seed)), count))


def test_the_same_seed_gives_the_same_actions() -> None:
    assert actions(3000, seed=5, rooms=3) == actions(3000, seed=5, rooms=3)


@pytest.mark.parametrize("other", [{"seed": 2}, {"users": 31}, {"rate": 21.0}, {"rooms": 2}])
def test_other_parameters_give_other_actions(other: dict[str, int]) -> None:
    assert actions(300) != actions(300, **other)


def test_a_room_does_the_same_whatever_other_rooms_there_are_behind_it() -> None:
    def lines(rooms: int) -> list[object]:
        return [action.detail for action in actions(400, rooms=rooms) if action.room == "room0"][:100]

    assert lines(1) == lines(2)


def test_actions_come_in_order_of_time_and_at_the_rate_asked_for() -> None:
    course = actions(4000, rooms=5, rate=40.0)
    times = [action.at for action in course]
    assert times == sorted(times)
    assert times[-1] / 1000 == pytest.approx(4000 / 40, rel=0.03)


def test_rooms_are_of_different_popularity() -> None:
    shares = Counter(action.room for action in actions(4000, rooms=4))
    assert shares["room0"] > 1.5 * shares["room3"] > 0


def test_every_kind_of_action_occurs() -> None:
    assert {action.kind for action in actions(6000)} == set(Kind)


def test_chat_has_all_that_clients_get_wrong() -> None:
    texts = [action.detail["text"] for action in actions(6000) if action.kind is Kind.SAY]
    parts = (">", "😀", "<b>", "&lt;", "https://", "*so*", "snake_case", "\n", "/me ", "/clear", "/kick ", "/smute ")
    for part in parts:
        assert any(part in text for text in texts), part
    assert any(len(text) >= 320 for text in texts)
    assert any(not text.strip() for text in texts)


def test_equal_lines_are_said_twice_in_one_millisecond() -> None:
    said = Counter(
        (action.at, action.person.id, action.detail["text"]) for action in actions(5000) if action.kind is Kind.SAY
    )
    assert sum(1 for count in said.values() if count == 2) > 5
    assert sum(1 for count in said.values() if count == 3) > 1


def test_nobody_acts_who_is_not_there() -> None:
    here: set[str] = set()
    for action in actions(6000):
        if action.kind is Kind.COME:
            here.add(action.person.id)
            continue
        assert action.person.id in here, action
        if action.kind is Kind.GO:
            here.remove(action.person.id)
        text = action.detail.get("text", "")
        if text.startswith("/kick "):
            here.remove(text.split(" ")[1].lower())
        elif text == "/kickanons":
            here = {each for each in here if not each.startswith("~")}


def test_guests_come_back_under_another_spelling_and_accounts_do_not() -> None:
    names: dict[str, set[str]] = {}
    accounts = set()
    for action in actions(6000):
        if action.kind is Kind.COME and not action.person.is_lurker:
            names.setdefault(action.person.id, set()).add(action.detail["name"])
            if action.person.account:
                accounts.add(action.person.id)
    assert all(len(names[key]) == 1 for key in accounts)
    assert sum(1 for spellings in names.values() if len(spellings) > 1) > 5
    assert all(len({name.lower() for name in spellings}) == 1 for spellings in names.values())


def test_names_are_valid_and_no_two_people_look_alike() -> None:
    population = Population(3, [f"room{number}" for number in range(36)], 30)
    people = {person.id: person for room in population.rooms.values() for person in room if not person.is_lurker}
    names = [name for person in people.values() for name in person.spellings]
    assert all(VALID_NAME.fullmatch(name) for name in names)
    assert len({appearance(person.id) for person in people.values()}) == len(people) > 1000


def test_some_accounts_visit_several_rooms() -> None:
    rooms = Population(3, ["a", "b"], 20).rooms
    both = {person.id for person in rooms["a"] if not person.is_lurker} & {person.id for person in rooms["b"]}
    assert both
    assert all(person.account for person in rooms["b"] if person.id in both)
