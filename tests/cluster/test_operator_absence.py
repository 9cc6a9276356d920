"""Without an operator the bots go on; one that comes back, or comes in another's place, tells the truth soon."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import pytest

from rosey_core.text import one_line
from tests.cluster.cluster import Namespace, Release, Rosey, image, run, until
from tests.cluster.executioner import Executioner
from tests.cluster.resources import (
    ACCOUNT,
    LIMITS,
    SITE,
    TRUTH_S,
    channel,
    condition,
    is_so,
    password,
    prepare,
    rooms,
    simulator,
    told,
)
from tests.cluster.site import silence

CHANNELS: Final = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
AWAY_S: Final = 60
"""Seconds for which the operator is away."""


@pytest.fixture(scope="module")
def release(make_release: Callable[..., Release]) -> Release:
    """An operator, two bots, and a site in whose channels a crowd lives; its moderators give commands to Rosey."""
    site = simulator(CHANNELS, "--bot=Rosey", crowd={"rate": 30, "users": 10})
    return make_release(
        "absence", {"operator": {"enabled": True}, "bot": {"replicas": 2, **LIMITS}, "simulator": site}, prepare
    )


@pytest.fixture
def namespace(release: Release) -> Iterator[Namespace]:
    """The release's namespace, with the password of the account, and in the end without channels."""
    release.namespace.apply(password("right"))
    yield release.namespace
    release.namespace.kubectl("delete", "ctc", "--all", "--timeout=30s")
    until(lambda: not rooms(release), what="the bots leave all channels", timeout=60)


def declare(namespace: Namespace, *names: str) -> None:
    """Declare channels, and wait until they are ready."""
    namespace.apply(*(channel(name, **ACCOUNT) for name in names))
    for name in names:
        until(is_so(namespace, name, "True", "Joined"), what=f"{name} is ready", poll=0.2)


def statuses(namespace: Namespace) -> dict[str, dict[str, Any]]:
    """What is told of the channels, by name."""
    return {item["metadata"]["name"]: item.get("status", {}) for item in namespace.get("ctc")["items"]}


def bots(release: Release) -> set[tuple[str, int]]:
    """The bots' pods, and how often their containers were started anew."""
    return {
        (pod["metadata"]["uid"], pod["status"]["containerStatuses"][0]["restartCount"]) for pod in release.pods("bot")
    }


def lines(release: Release) -> dict[str, int]:
    """How many lines of each channel are stored."""
    sql = "SELECT c.key, count(*) FROM recent_chat t JOIN channels c ON c.id = t.channel_id GROUP BY c.key"
    return dict(release.query(sql))


def obeyed(release: Release) -> int:
    """How many commands of moderators the bots have obeyed, as it is stored."""
    return int(release.query("SELECT count(*) FROM user_actions WHERE details LIKE '%, result: success'")[0][0])


def go_on(release: Release, names: set[str]) -> None:
    """Wait until more is stored of what is said in each of these channels."""
    before = lines(release)
    until(
        lambda: all(count > before.get(name, 0) for name, count in lines(release).items() if name in names),
        what=f"what is said in {names} is stored",
        timeout=30,
    )


def is_true(
    namespace: Namespace, rosey: Rosey, names: set[str], off: frozenset[str] = frozenset(), *, is_silent: bool = False
) -> bool:
    """Whether what stands in the resources is what the bots tell.

    Args:
        namespace: where they are.
        rosey: reads what the bots tell.
        names: the channels in which a bot must be.
        off: those that are declared not to have one; others there must not be.
        is_silent: nothing happens in the channels, so that figures agree, too.
    """
    rows = [json.loads(line) for line in rosey("channel", "list", "--json").splitlines()]
    told_of = {row["key"]: row for row in rows if row["origin"] == "added"}
    items = {item["metadata"]["name"]: item for item in namespace.get("ctc")["items"]}
    joined = {name for name, row in told_of.items() if row["state"] == "joined"}
    disabled = {name for name, item in items.items() if told(item)[:2] == ("False", "Disabled")}
    return (
        joined == items.keys() - disabled == names
        and disabled == off
        and all(_agrees(items[name], told_of[name], is_silent) for name in names)
    )


def _agrees(resource: dict[str, Any], row: dict[str, Any], is_silent: bool) -> bool:
    """Whether a resource tells what the bot tells that is in the channel."""
    status = resource.get("status", {})
    since = datetime.fromtimestamp(int(row["since"] or 0), UTC)
    media = one_line(row["media"])[:120] if row["media"] else None
    return (
        told(resource)[:2] == ("True", "Joined")
        and status["observedGeneration"] == resource["metadata"]["generation"]
        and status["worker"] == row["worker"]
        and status["connectedSince"] == since.strftime("%Y-%m-%dT%H:%M:%SZ")
        and (
            not is_silent
            or (status.get("users"), status.get("viewers"), status.get("nowPlaying"))
            == (row["users"], row["connected"], media)
        )
    )


class Return:
    """An operator that comes, from now on.

    Args:
        release: whose.
        before: the uid of the pod in whose place it comes.
    """

    def __init__(self, release: Release, before: str = "") -> None:
        self._release = release
        self._before = before
        self._began = time.time()

    def wait(self, what: str, is_so: Callable[[], bool]) -> None:
        """Wait until this is so; fails where that takes longer than a status may, once the operator is ready."""
        until(is_so, what=what, poll=0.1)
        now = time.time()
        # In whole seconds, by which it seems to have been there earlier.
        pod = until(self._ready, what="the operator is ready")
        there = _seconds(pod["containerStatuses"][0]["state"]["running"]["startedAt"])
        ready = _seconds(next(one["lastTransitionTime"] for one in pod["conditions"] if one["type"] == "Ready"))
        moments = (("there", there), ("ready", ready), ("wanted", self._began))
        print(f"{what}:", ", ".join(f"{now - moment:.1f} s after it was {word}" for word, moment in moments))
        assert now - ready < TRUTH_S

    def _ready(self) -> dict[str, Any] | None:
        """The status of its pod; ``None`` while that is not ready."""
        pods = [pod["status"] for pod in self._release.pods("operator") if pod["metadata"]["uid"] != self._before]
        is_ready = any(
            (one["type"], one["status"]) == ("Ready", "True") for pod in pods for one in pod.get("conditions", [])
        )
        return pods[0] if is_ready else None


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()


def test_while_the_operator_is_upgraded_bots_go_on_and_all_is_true_soon(
    release: Release, namespace: Namespace, load_command: list[str]
) -> None:
    declare(namespace, "alpha", "gamma", "delta")
    last = bots(release)
    present = image("operator")
    newer = f"{present}-newer"
    run("docker", "tag", present, newer)
    run(*load_command, newer, timeout=300)
    comes = Return(release, release.pod("operator")["metadata"]["uid"])
    tag = {"operator": {"image": {"tag": newer.partition(":")[2]}}}
    with ThreadPoolExecutor(1) as background, release.administrator() as rosey:
        upgrading = background.submit(release.upgrade, tag)
        namespace.kubectl("delete", "ctc", "gamma", "--timeout=20s")
        namespace.apply(channel("beta", **ACCOUNT))
        go_on(release, {"alpha", "delta"})
        is_told = partial(is_true, namespace, rosey, {"alpha", "beta", "delta"})
        comes.wait("all was true", is_told)
        upgrading.result()
        # Until now both may have been there.
        namespace.apply(channel("delta", enabled=False, **ACCOUNT))
        is_told = partial(is_true, namespace, rosey, {"alpha", "beta"}, frozenset({"delta"}))
        until(is_told, what="all is true with the new one alone", timeout=TRUTH_S, poll=0.1)
    assert release.pod("operator")["spec"]["containers"][0]["image"].endswith(newer)
    assert bots(release) == last


def test_an_operator_that_comes_back_does_not_take_dead_bots_for_living(
    release: Release, namespace: Namespace, executioner: Executioner
) -> None:
    declare(namespace, "gamma")
    namespace.kubectl("scale", "deployment/rosey-bot", "--replicas=1")
    until(lambda: len(release.pods("bot")) == 1 and rooms(release) == {"gamma"}, what="one bot has it")
    until(is_so(namespace, "gamma", "True", "Joined"), what="that is told", poll=0.2)
    executioner.take_away(release, "operator", "rosey-operator")
    executioner.take_away(release, "bot", "rosey-bot")
    assert condition(namespace, "gamma")[0] == "True", "there is nobody who could tell"
    comes = Return(release)
    namespace.kubectl("scale", "deployment/rosey-operator", "--replicas=1")
    comes.wait("that the bot was gone was told", is_so(namespace, "gamma", "Unknown", "NoWorker"))
    namespace.kubectl("scale", "deployment/rosey-bot", "--replicas=2")
    until(is_so(namespace, "gamma", "True", "Joined"), what="gamma is ready again", timeout=60)


def test_an_operator_killed_and_away_for_a_minute_is_missed_by_nobody_and_tells_the_truth_then(
    release: Release, namespace: Namespace, executioner: Executioner
) -> None:
    declare(namespace, "alpha", "gamma", "delta", "epsilon")
    executioner.take_away(release, "operator", "rosey-operator")
    left_at = time.monotonic()
    last, commands = statuses(namespace), obeyed(release)
    with release.administrator() as rosey:
        # A bot is killed, and people declare, change and delete channels: of that nobody hears.
        victim = last["epsilon"]["worker"].rpartition("-")[0]
        executioner.kill_in(namespace.get("pod", victim)["metadata"], "rosey-bot")
        namespace.kubectl("delete", "ctc", "gamma", "--timeout=20s")
        namespace.apply(channel("beta", **ACCOUNT), channel("alpha", enabled=False, **ACCOUNT))
        rosey("channel", "add", f"{SITE}/r/zeta")
        held = {"alpha", "gamma", "delta", "epsilon", "zeta"}
        until(lambda: rooms(release) == held, what="the bots are where they were told to be, and in zeta")
        rosey("channel", "remove", "zeta")
        held.remove("zeta")
        until(lambda: rooms(release) == held, what="the bots have left zeta")
        while time.monotonic() < left_at + AWAY_S:
            go_on(release, held)
            assert rooms(release) == held
        assert obeyed(release) > commands
        now = statuses(namespace)
        assert {name: now[name] for name in ("delta", "epsilon")} == {name: last[name] for name in ("delta", "epsilon")}
        assert now["beta"] == {}
        silence(namespace)
        joined, off = {"beta", "delta", "epsilon"}, frozenset({"alpha"})
        is_told = partial(is_true, namespace, rosey, joined, off, is_silent=True)
        assert not is_told()
        comes = Return(release)
        namespace.kubectl("scale", "deployment/rosey-operator", "--replicas=1")
        comes.wait("all was true", is_told)
    assert rooms(release) == joined
    assert statuses(namespace)["epsilon"]["worker"] != last["epsilon"]["worker"]
