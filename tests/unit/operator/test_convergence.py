"""Whatever people, bots and NATS do: the operator comes to rest, where it should, and touches nothing foreign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rosey_operator.reconcile import channels as module
from rosey_operator.reconcile.state import Scope
from tests.unit.operator.world import World, base64_of, channel, uid

NAMES = ["lobby", "Lobby", "movies"]
SERVERS = ["https://cytu.be", "https://other.example"]
SECRETS = ["one", "two"]

Step = Callable[[World], None]


def _declare(number: int, name: str, server: str, secret: str | None, enabled: bool) -> Step:
    def step(world: World) -> None:
        before = world.channels.get(uid(number))
        generation = 1 if before is None else before.generation + 1
        spec: dict[str, Any] = {"server": server, "enabled": enabled}
        if secret is not None:
            spec |= {"user": "Rosey", "passwordSecretRef": {"name": secret}}
        world.declare(channel(number, name, generation=generation, **spec))

    return step


def _withdraw(number: int) -> Step:
    return lambda world: world.channels.pop(uid(number), None) and None


def _secret(name: str, value: str | None) -> Step:
    return lambda world: world.secrets.update(
        {("chat", name): None if value is None else {"password": base64_of(value)}}
    )


def _add_by_hand(name: str, server: str) -> Step:
    def step(world: World) -> None:
        key = module.possible_keys(server, name)[0 if server == SERVERS[0] else 1]
        # As `rosey channel add` does, which takes no key that another channel has.
        if key not in world.entries:
            world.add(key, {"channel": name, "server": server})

    return step


def _remove_by_hand(place: int) -> Step:
    def step(world: World) -> None:
        if world.entries:
            del world.entries[sorted(world.entries)[place % len(world.entries)]]

    return step


def _other_operator(world: World) -> None:
    other = World(scope=Scope("elsewhere"), revision=world.revision + 1000)
    other.declare(channel(40, "theirs", namespace="elsewhere"))
    other.settle()
    world.entries.setdefault("theirs", other.entries["theirs"])


def _nats(there: bool) -> Step:
    return lambda world: setattr(world, "nats", there)


def _operator(world: World) -> None:
    if world.nats:
        foreign = _foreign(world)
        world.pass_once()
        assert _foreign(world) == foreign, "a foreign entry was touched"
    else:
        before = dict(world.entries)
        world.pass_once()
        assert world.entries == before


STEPS = st.one_of(
    st.builds(
        _declare,
        st.integers(1, 3),
        st.sampled_from(NAMES),
        st.sampled_from(SERVERS),
        st.none() | st.sampled_from(SECRETS),
        st.booleans(),
    ),
    st.builds(_withdraw, st.integers(1, 3)),
    st.builds(_secret, st.sampled_from(SECRETS), st.none() | st.sampled_from(["a", "b"])),
    st.builds(_add_by_hand, st.sampled_from(NAMES), st.sampled_from(SERVERS)),
    st.builds(_remove_by_hand, st.integers(0, 3)),
    st.just(_other_operator),
    st.builds(_nats, st.booleans()),
    st.just(World.bots_join),
)
LIVES = st.lists(st.tuples(STEPS, st.booleans()), max_size=12)
"""Steps, and whether the operator works after each."""


def _foreign(world: World) -> dict[str, object]:
    return {key: entry for key, entry in world.entries.items() if not world.scope.holds(entry.owner)}


def _live(steps: list[tuple[Step, bool]]) -> None:
    """Take these steps, let the operator come to rest, and look whether all is as it should be."""
    world = World()
    for step, works in steps:
        step(world)
        if works:
            _operator(world)
    world.nats = True
    foreign = _foreign(world)
    world.settle()
    assert _foreign(world) == foreign, "a foreign entry was touched"
    assert world.pass_once() == [], "it does something where nothing is to be done"
    _judge(world)


def _judge(world: World) -> None:
    ours = {key: entry for key, entry in world.entries.items() if key not in _foreign(world)}
    places = [entry.place for entry in world.entries.values()]
    assert len(places) == len(set(places)), "a channel is there twice"
    by_place = {entry.place: entry for entry in world.entries.values()}
    files = set(world.copies)
    for key, entry in ours.items():
        assert entry.owner is not None
        resource = world.channels.get(entry.owner.uid)
        assert resource is not None, f"{key} is there, its resource is not"
        reference = entry.value.get("password")
        assert reference is None or reference[len("${file:") : -1] in files, "a secret was not brought"
    for resource in world.channels.values():
        older = [
            other
            for other in world.channels.values()
            if _place(other) == _place(resource) and other.created < resource.created
        ]
        present = by_place.get(_place(resource))
        has_it = present is not None and present.owner is not None and present.owner.uid == resource.uid
        accepted = {one.type: one.status for one in resource.status.conditions}["Accepted"]
        if accepted == "True":
            assert has_it, "accepted, and not there"
            assert not older, "the younger of two has the channel"
            assert present is not None
            assert present.owner is not None
            assert present.owner.generation == resource.generation
        elif not older and present is None:
            reasons = {one.reason for one in resource.status.conditions}
            assert reasons in ({"SecretMissing"}, {"Conflict"}), "nobody has the channel, for no reason"
    known = set(world.channels)
    assert {name[:36] for name in world.copies} <= known, "a secret of nobody is left"


def _place(resource: Any) -> tuple[str, str]:
    return resource.spec.server.lower(), resource.spec.channel.lower()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LIVES)
def test_it_converges_and_rests_and_touches_nothing_foreign(steps: list[tuple[Step, bool]]) -> None:
    _live(steps)


def _holds_all(self: Scope, owner: object) -> bool:
    return True


def _holds_other_operators(self: Scope, owner: Any) -> bool:
    return owner is not None


def _younger_first(wanted: Any, *rest: Any) -> Any:
    reverse = {one.uid: one for one in wanted.channels}
    channels = [replace(one, created=f"2026-01-01T00:00:{59 - int(one.created[-3:-1])}Z") for one in reverse.values()]
    actions = _RIGHT(replace(wanted, channels=channels), *rest)
    return [
        replace(action, resource=reverse[action.resource.uid]) if hasattr(action, "resource") else action
        for action in actions
    ]


def _keeps_orphans(*arguments: Any) -> Any:
    return [action for action in _RIGHT(*arguments) if type(action).__name__ != "DeleteEntry"]


def _forgets_secrets(*arguments: Any) -> Any:
    return [action for action in _RIGHT(*arguments) if type(action).__name__ != "CopySecrets"]


def _always_writes(wanted: Any, actual: Any, *rest: Any) -> Any:
    actions = _RIGHT(wanted, actual, *rest)
    entries = actual.entries or {}
    return actions + [
        module.PutEntry(key, entry.value, entry.revision)
        for key, entry in entries.items()
        if entry.owner is not None and not actions
    ]


_RIGHT = module.reconcile


@pytest.mark.parametrize(
    ("target", "variant"),
    [
        ("rosey_operator.reconcile.state.Scope.holds", _holds_all),
        ("rosey_operator.reconcile.state.Scope.holds", _holds_other_operators),
        ("tests.unit.operator.world.reconcile", _younger_first),
        ("tests.unit.operator.world.reconcile", _keeps_orphans),
        ("tests.unit.operator.world.reconcile", _forgets_secrets),
        ("tests.unit.operator.world.reconcile", _always_writes),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_broken_variant_is_found(target: str, variant: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    right = Scope.holds

    def judged_rightly(world: World) -> dict[str, object]:
        return {key: entry for key, entry in world.entries.items() if not right(world.scope, entry.owner)}

    monkeypatch.setattr(f"{__name__}._foreign", judged_rightly)
    monkeypatch.setattr(target, variant)

    @settings(
        max_examples=300,
        deadline=None,
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(LIVES)
    def live(steps: list[tuple[Step, bool]]) -> None:
        _live(steps)

    with pytest.raises(AssertionError):
        live()
