"""What is done about resources: one by one."""

from __future__ import annotations

from typing import Any

import pytest

from rosey_operator.reconcile.state import Channel, CopySecrets, DeleteEntry, PutEntry, Scope
from tests.unit.operator.world import World, base64_of, channel, uid


@pytest.fixture
def world() -> World:
    return World()


ACCOUNT: dict[str, Any] = {"user": "Rosey", "passwordSecretRef": {"name": "account"}}


def test_a_channel_is_handed_to_the_bots_and_its_status_tells_of_them(world: World) -> None:
    world.declare(channel(1, "Lobby", server="https://cytu.be"))
    world.settle()
    [(key, entry)] = world.entries.items()
    assert key == "lobby"
    assert entry.value == {
        "channel": "Lobby",
        "server": "https://cytu.be",
        "owner": {"kind": "CytubeChannel", "namespace": "chat", "name": "c1", "uid": uid(1), "generation": 1},
    }
    assert world.condition(1, "Accepted") == ("True", "Accepted", "handed to the bots as lobby")
    assert world.condition(1)[:2] == ("Unknown", "NoWorker")
    world.tell("lobby", revision=1, users=3, connected=5, media="A film", since=world.now, user="Guest")
    world.settle()
    status = world.channels[uid(1)].status
    assert (status.worker, status.users, status.viewers, status.now_playing) == ("bot-0", 3, 5, "A film")
    assert status.connected_since is not None
    assert world.condition(1) == ("True", "Joined", "bot-0 is in the room as Guest")
    assert [event.reason for event in world.events] == ["Accepted", "Joined"]


def test_a_password_goes_into_the_copy_and_a_reference_into_the_entry(world: World) -> None:
    world.secrets["chat", "account"] = {"password": base64_of("hush")}
    world.declare(channel(1, **ACCOUNT))
    [copy, *_] = actions = world.pass_once()
    # The file first, so that it is there sooner than who looks for it.
    assert isinstance(copy, CopySecrets)
    assert world.copies == {f"{uid(1)}-password": base64_of("hush")}
    assert world.entries["room1"].value["password"] == f"${{file:{uid(1)}-password}}"
    assert "hush" not in repr(actions)
    assert base64_of("hush") not in repr(actions)


def test_a_file_that_the_bot_does_not_have_yet_is_said_and_nothing_to_warn_of(world: World) -> None:
    world.secrets["chat", "account"] = {"password": base64_of("hush")}
    world.declare(channel(1, **ACCOUNT))
    world.settle()
    world.tell("room1", state="invalid", problem="password: a file is not there", cause="missing_secret", revision=1)
    world.settle()
    assert world.condition(1) == ("False", "MissingSecret", "password: a file is not there")
    world.bots_join()
    world.settle()
    assert [(event.type, event.reason) for event in world.events] == [("Normal", "Accepted"), ("Normal", "Joined")]


def test_a_rotated_secret_is_copied_anew_and_the_entry_stays(world: World) -> None:
    world.secrets["chat", "account"] = {"password": base64_of("old")}
    world.declare(channel(1, **ACCOUNT))
    world.settle()
    world.bots_join()
    world.settle()
    world.secrets["chat", "account"] = {"password": base64_of("new")}
    assert world.pass_once() == [CopySecrets({f"{uid(1)}-password": base64_of("new")})]


def test_all_three_secrets_have_their_field(world: World) -> None:
    world.secrets["chat", "s"] = {
        "password": base64_of("a"), "channel-password": base64_of("b"), "p": base64_of("http://u:p@h:1"),
    }  # fmt: skip
    more = {"channelPasswordSecretRef": {"name": "s"}, "proxySecretRef": {"name": "s", "key": "p"}}
    world.declare(channel(1, user="Rosey", passwordSecretRef={"name": "s"}, **more))
    world.settle()
    value = world.entries["room1"].value
    for name, field in (("password", "password"), ("channel_password", "channel-password"), ("proxy", "proxy")):
        assert value[name] == f"${{file:{uid(1)}-{field}}}"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (None, "there is no Secret account in the namespace chat"),
        ({"other": base64_of("x")}, "the Secret account has no key password"),
        ({"password": ""}, "the key password of the Secret account is empty"),
        ({"password": base64_of("\n")}, "the key password of the Secret account is empty"),
        ({"password": "/w=="}, "the key password of the Secret account is not UTF-8 text"),
        ({"password": base64_of("x" * 1001)}, "the key password of the Secret account has more than 1000 characters"),
    ],
)
def test_a_secret_that_is_not_there_is_said_and_costs_no_room(
    world: World, data: dict[str, str] | None, sentence: str
) -> None:
    world.secrets["chat", "account"] = data
    world.declare(channel(1, **ACCOUNT))
    world.settle()
    assert world.entries == {}
    assert world.condition(1)[:2] == ("False", "SecretMissing")
    assert world.condition(1)[2].startswith(sentence)
    assert [event.type for event in world.events] == ["Warning"]
    world.secrets["chat", "account"] = {"password": base64_of("hush")}
    world.settle()
    world.bots_join()
    world.settle()
    assert world.condition(1)[:2] == ("True", "Joined")
    world.secrets["chat", "account"] = data
    world.settle()
    assert world.condition(1)[:2] == ("True", "Joined")
    assert world.condition(1, "Accepted")[:2] == ("True", "SecretGone")
    assert list(world.copies.values()) == [base64_of("hush")]


def test_a_secret_that_could_not_be_read_now_is_not_taken_for_gone(world: World) -> None:
    world.secrets["chat", "account"] = {"password": base64_of("hush")}
    world.declare(channel(1, **ACCOUNT))
    world.settle()
    world.secrets.clear()
    assert world.pass_once() == []


def test_of_two_that_mean_the_same_channel_the_older_has_it_and_then_the_other(world: World) -> None:
    world.declare(channel(2, "Lobby"), channel(1, "lobby"))
    world.settle()
    assert world.entries["lobby"].value["owner"]["uid"] == uid(1)
    assert world.condition(2)[:2] == ("False", "Conflict")
    assert "the older CytubeChannel chat/c1 has this channel" in world.condition(2)[2]
    del world.channels[uid(1)]
    [put] = [action for action in world.pass_once() if isinstance(action, PutEntry | DeleteEntry)]
    # In its place: the bot does not leave the room for it.
    assert isinstance(put, PutEntry)
    assert put.revision == 1
    assert world.entries["lobby"].value["owner"]["uid"] == uid(2)


def test_what_was_added_by_hand_is_left_alone_and_said(world: World) -> None:
    world.add("lobby", {"channel": "lobby"})
    before = dict(world.entries)
    world.declare(channel(1, "LOBBY"))
    world.settle()
    assert world.entries == before
    assert world.condition(1)[:2] == ("False", "AddedElsewhere")
    assert "`rosey channel remove lobby` gives it free" in world.condition(1)[2]
    del world.entries["lobby"]
    world.settle()
    assert world.condition(1, "Accepted")[0] == "True"


def test_another_operators_channel_is_left_alone_and_said(world: World) -> None:
    other = channel(9, "lobby", namespace="elsewhere")
    foreign = World(scope=Scope("elsewhere"))
    foreign.declare(other)
    foreign.settle()
    world.entries = dict(foreign.entries)
    world.declare(channel(1, "lobby"))
    world.settle()
    assert world.entries == foreign.entries
    assert "elsewhere/c9, which is another operator's" in world.condition(1)[2]


def test_a_channel_of_a_bots_configuration_file_is_said(world: World) -> None:
    world.tell("lobby", origin="file", server="https://cytu.be", name="Lobby")
    world.declare(channel(1, "lobby"))
    world.settle()
    assert world.entries == {}
    assert world.condition(1)[:2] == ("False", "InConfigurationFile")


def test_two_servers_with_one_name_get_two_keys_and_a_third_that_has_none_is_told(world: World) -> None:
    world.declare(channel(1, "lobby"), channel(2, "lobby", server="https://other.example"))
    world.settle()
    assert sorted(world.entries) == ["lobby", "lobby-other-example"]
    world.declare(
        channel(3, "lobby", server="http://other.example:80/"), channel(4, "lobby", server="http://other-example")
    )
    world.settle()
    assert [world.condition(number)[1] for number in (3, 4)] == ["Conflict", "Conflict"]
    assert "are taken by other channels" in world.condition(4)[2]


def test_one_whose_secret_is_missing_does_not_inherit_the_entry_of_one_that_is_gone(world: World) -> None:
    world.declare(channel(1, "lobby"))
    world.settle()
    world.channels.clear()
    world.secrets["chat", "account"] = None
    world.declare(channel(2, "lobby", **ACCOUNT))
    world.settle()
    assert world.entries == {}


def test_another_channel_in_the_same_resource_leaves_the_first(world: World) -> None:
    world.declare(channel(1, "lobby"))
    world.settle()
    world.declare(channel(1, "movies", generation=2))
    world.settle()
    assert list(world.entries) == ["movies"]


def test_a_resource_that_is_gone_takes_its_entry_and_its_secrets_along(world: World) -> None:
    world.secrets["chat", "account"] = {"password": base64_of("hush")}
    world.declare(channel(1, **ACCOUNT))
    world.settle()
    world.copies["somebody-elses"] = "eA=="
    world.channels.clear()
    world.settle()
    assert world.entries == {}
    assert world.copies == {"somebody-elses": "eA=="}


def test_without_nats_nothing_is_known_and_afterwards_all_is_made_good(world: World) -> None:
    world.declare(channel(1), channel(2))
    world.settle()
    world.bots_join()
    world.settle()
    before = dict(world.entries)
    world.nats = False
    del world.channels[uid(2)]
    world.settle()
    assert world.entries == before
    assert world.condition(1, "Connected") == ("Unknown", "NatsUnavailable", "NATS is away")
    assert world.channels[uid(1)].status.worker == "bot-0"
    world.nats = True
    world.settle()
    assert list(world.entries) == ["room1"]
    assert world.condition(1)[:2] == ("True", "Joined")


def test_what_the_bot_says_is_wrong_stands_in_the_condition(world: World) -> None:
    world.declare(channel(1, user="Rosey"))
    world.settle()
    sentence = "the password of Rosey is wrong: check user and password"
    world.tell("room1", revision=1, problem=sentence, cause="wrong_password")
    world.settle()
    assert world.condition(1, "Connected")[0] == "True"
    assert world.condition(1) == ("False", "WrongPassword", sentence)
    world.tell("room1", state="waiting", problem="kicked: banned", cause="banned", waits_for="60 s", revision=1)
    world.settle()
    assert world.condition(1) == ("False", "Banned", "kicked: banned; waits for 60 s")
    assert world.condition(1, "Connected")[0] == "False"
    warnings = [event.reason for event in world.events if event.type == "Warning"]
    assert warnings == ["WrongPassword", "Banned"]


def test_what_a_bot_in_the_room_waits_for_and_notes_is_said(world: World) -> None:
    world.declare(channel(1, user="Rosey"))
    world.settle()
    world.tell("room1", revision=1, problem="not logged in yet", waits_for="its turn to log in as a guest")
    world.settle()
    assert world.condition(1) == ("False", "Waiting", "not logged in yet; waits for its turn to log in as a guest")
    assert world.condition(1, "Connected")[0] == "True"
    world.tell("room1", revision=1, user="Rosey", note="nobody has registered it")
    world.settle()
    assert world.condition(1)[:2] == ("True", "Joined")
    assert world.condition(1)[2].endswith(" is in the room as Rosey; nobody has registered it")


def test_what_strangers_say_moves_no_cursor_of_whoever_looks(world: World) -> None:
    world.declare(channel(1))
    world.settle()
    world.tell("room1", media="A \x1b[2Jfilm\n\u202eforwards", revision=1)
    world.settle()
    assert world.channels[uid(1)].status.now_playing == "A \\x1b[2Jfilm forwards"
    world.tell("room1", state="waiting", problem="kicked: shoo\n\x1b[31m", cause="kicked", revision=1)
    world.settle()
    assert world.condition(1) == ("False", "Kicked", "kicked: shoo \\x1b[31m")


def test_a_change_that_the_bot_has_not_taken_yet_is_pending(world: World) -> None:
    world.declare(channel(1))
    world.settle()
    world.bots_join()
    world.settle()
    world.declare(channel(1, generation=2, user="Rosey"))
    world.settle()
    assert world.condition(1)[:2] == ("False", "Pending")
    world.bots_join()
    world.settle()
    assert world.condition(1)[:2] == ("True", "Joined")
    assert world.channels[uid(1)].status.observed_generation == 2


def test_a_channel_that_is_switched_off_keeps_its_entry_and_the_bot_leaves(world: World) -> None:
    world.declare(channel(1, enabled=False))
    world.settle()
    assert world.entries["room1"].value["enabled"] is False
    assert world.condition(1)[:2] == ("False", "Disabled")
    assert world.condition(1, "Connected")[:2] == ("False", "Disabled")


def test_a_condition_keeps_the_time_since_when_it_is_so(world: World) -> None:
    world.declare(channel(1))
    world.settle()
    world.bots_join()
    world.settle()
    first = world.channels[uid(1)].status.conditions
    world.now += 100
    world.tell("room1", revision=1, users=7)
    world.settle()
    status = world.channels[uid(1)].status
    assert status.users == 7
    assert [one.last_transition_time for one in status.conditions] == [one.last_transition_time for one in first]


@pytest.mark.parametrize("spec", ["no object", None])
def test_what_cannot_be_understood_is_said(world: World, spec: str | None) -> None:
    bad = channel(1, "lobby", server="ftp://x") if spec is None else channel(1)
    if spec is not None:
        bad = Channel(bad.namespace, bad.name, bad.uid, 1, bad.created, spec, bad.status)
    world.declare(bad)
    world.settle()
    assert world.entries == {}
    assert world.condition(1)[:2] == ("False", "Invalid")
    assert world.condition(1)[2] == (spec or "server: should be the address of a CyTube site, like https://cytu.be")
