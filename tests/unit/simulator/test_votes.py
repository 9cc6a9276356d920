"""Votes to skip, and polls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.stage import Client, Stage


@pytest.fixture
def mod(stage: Stage) -> Client:
    mod = stage.account("Mod")
    for name in ("a", "b"):
        mod.send("queue", {"id": name, "type": "tw", "pos": "end", "temp": False, "duration": 100})
    return mod


def test_half_of_all_sockets_must_vote(stage: Stage, mod: Client) -> None:
    user, other, anonymous = stage.account("User"), stage.account("Other"), stage.anonymous()
    mod.forget()
    user.send("voteskip")
    user.send("voteskip")
    assert mod.heard("voteskip") == [{"count": 1, "need": 2}]
    assert "voteskip" not in other.events
    anonymous.send("voteskip")
    assert other.said()[-1].startswith("Voteskip passed: 2/4 skipped; eligible voters: 4 = total (4) - AFK (0)")
    assert other.last("chatMsg")["username"] == "[voteskip]"
    assert mod.last("setCurrent") == 1
    assert stage.anonymous().said() == []


def test_going_away_takes_the_vote_back(stage: Stage, mod: Client) -> None:
    user, other = stage.account("User"), stage.account("Other")
    stage.account("Admin")
    mod.forget()
    user.send("voteskip")
    user.say("/afk")
    assert mod.last("voteskip") == {"count": 0, "need": 2}
    other.send("voteskip")
    other.session.close()
    assert mod.last("voteskip") == {"count": 0, "need": 1}


def test_a_vote_ends_afk(stage: Stage, mod: Client) -> None:
    user = stage.account("User")
    stage.account("Other")
    user.say("/afk")
    user.send("voteskip")
    assert not user.member.afk


def test_another_item_resets_the_votes(stage: Stage, mod: Client) -> None:
    user = stage.account("User")
    stage.account("Other")
    user.send("voteskip")
    mod.forget()
    mod.send("playNext")
    assert mod.heard("voteskip") == [{"count": 0, "need": 0}]


def test_a_room_may_not_vote_at_all(stage: Stage, mod: Client) -> None:
    mod.send("setOptions", {"allow_voteskip": False})
    mod.forget()
    stage.account("User").send("voteskip")
    assert mod.heard("voteskip") == []


def test_nothing_happens_on_an_empty_list(stage: Stage) -> None:
    user = stage.account("Mod")
    user.send("voteskip")
    assert user.events == []


def open_poll(client: Client, **changes: Any) -> list[dict[str, Any]]:
    answers: list[dict[str, Any]] = []
    data = {"title": "Which <film>?", "opts": ["One & only", "Two"], "obscured": False, **changes}
    client.session.handle("newPoll", [data], answers.append)
    return answers


def test_a_poll_is_acknowledged_and_shown(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    assert open_poll(mod) == [{}]
    poll = user.last("newPoll")
    assert poll["title"] == "Which &lt;film&gt;?"
    assert poll["options"] == ["One &amp; only", "Two"]
    assert poll["counts"] == [0, 0]
    assert stage.anonymous().last("newPoll") == poll


def test_votes_are_counted_by_address_and_can_be_changed(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    open_poll(mod)
    for option in (0, 1, 1, 99, -1, 0.5):
        user.send("vote", {"option": option})
    assert [poll["counts"] for poll in mod.heard("updatePoll")] == [[1, 0], [0, 1]]
    user.session.close()
    assert mod.last("updatePoll")["counts"] == [0, 0]


def test_a_hidden_poll_shows_its_counts_to_few_until_it_closes(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    open_poll(mod, obscured=True)
    user.send("vote", {"option": 0})
    assert mod.last("updatePoll")["counts"] == ["1?", "0?"]
    assert user.last("updatePoll")["counts"] == ["?", "?"]
    mod.send("closePoll")
    assert user.last("updatePoll")["counts"] == [1, 0]
    assert user.frames[-1].args == (None,)


def test_a_poll_closes_after_its_time_or_for_the_next_one(stage: Stage) -> None:
    mod = stage.account("Mod")
    open_poll(mod, timeout=5)
    open_poll(mod, timeout=2)
    assert mod.events[-2:] == ["closePoll", "newPoll"]
    stage.tick(3)
    assert len(mod.heard("closePoll")) == 2
    stage.tick(10)
    assert len(mod.heard("closePoll")) == 2


def test_votes_may_be_retained(stage: Stage) -> None:
    mod, user = stage.account("Mod"), stage.account("User")
    open_poll(mod, retainVotes=True)
    user.send("vote", {"option": 0})
    user.session.close()
    assert mod.last("updatePoll")["counts"] == [1, 0]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"opts": ["x"] * 51}, "maximum of 50"),
        ({"opts": [""]}, "1-255 characters"),
        ({"opts": [5]}, "1-255 characters"),
        ({"title": "x" * 256}, "no more than 255"),
        ({"timeout": 0}, "between 1 and 86400"),
    ],
)
def test_polls_that_are_refused(stage: Stage, changes: dict[str, Any], part: str) -> None:
    mod = stage.account("Mod")
    (answer,) = open_poll(mod, **changes)
    assert part in answer["error"]["message"]
    mod.send("newPoll", {"title": "t", "opts": ["x"], "obscured": False, **changes})
    assert part in mod.last("errorMsg")["msg"]


def test_polls_take_the_permission(stage: Stage) -> None:
    user = stage.account("User")
    assert open_poll(user) == []
    user.send("closePoll")
    assert user.events == []


def test_polls_by_chat(stage: Stage) -> None:
    mod = stage.account("Mod")
    mod.say("/poll Title,first,second")
    assert mod.last("newPoll")["title"] == " Title"
    mod.say("/hpoll Title,first,second")
    assert mod.last("newPoll")["counts"] == ["0?", "0?"]
