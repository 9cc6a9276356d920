"""What bots hold back while NATS is away lies on a volume for each of them, and outlives their pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cluster.cluster import Release, merged, until
from tests.cluster.load import Load, said, stored_lines, values
from tests.cluster.resources import LIMITS

RATE: Final = 50
ENOUGH: Final = 300
"""Lines that must have been said, so that the comparison means something: so many are waited for."""
HELD_BACK: Final = 300
"""Events that are on disk before the pods go, so that it shows where they are lost."""
BOTS: Final = "--selector=app.kubernetes.io/instance=rosey,app.kubernetes.io/component=bot"
SEVERAL: Final[dict[str, Any]] = {"bot": {"replicas": 2, "persistence": {"perReplica": True}, **LIMITS}}
ONE: Final[dict[str, Any]] = {"bot": {"replicas": 1, "persistence": {"perReplica": False}}}

MakeRelease = Callable[..., Release]


def make_load(make_release: MakeRelease, name: str, directory: Path, chosen: dict[str, Any]) -> Load:
    """A release at work under a crowd."""
    load = Load(make_release(name, merged(values(rate=RATE), chosen)), directory)
    load.until_it_flows(100)
    return load


def spooled(release: Release) -> float:
    """How many events the bots have written to their spools."""
    pods = [f"pod/{pod['metadata']['name']}" for pod in release.pods("bot")]
    return sum(release.metrics_of(pod)["rosey_bot_outbox_spooled_total"] for pod in pods)


def take_nats_away(release: Release) -> None:
    """Stop NATS, and wait until bots have spooled what happens meanwhile."""
    before = spooled(release)
    release.namespace.kubectl("scale", "statefulset/rosey-nats", "--replicas=0")
    release.namespace.kubectl("wait", "--for=delete", "pod/rosey-nats-0", "--timeout=90s")
    until(lambda: spooled(release) > before + HELD_BACK, what="events are on disk", timeout=60)


def missing(load: Load) -> Counter[Any]:
    """What was said in the room, and heard by a bot, and is not stored in the end."""
    load.until_all_is_stored()
    truth = load.truth()
    assert said(truth).total() > ENOUGH
    return load.missing(stored_lines(load.stored()))


@pytest.mark.parametrize("per_replica", [True, False])
def test_what_several_bots_hold_back_outlives_their_pods_only_with_a_volume_each(
    make_release: MakeRelease, tmp_path: Path, per_replica: bool
) -> None:
    chosen = merged(SEVERAL, {"bot": {"persistence": {"perReplica": per_replica}}})
    load = make_load(make_release, f"spools-{per_replica}".lower(), tmp_path, chosen)
    namespace = load.release.namespace
    take_nats_away(load.release)
    namespace.kubectl("delete", "pods", BOTS)
    namespace.kubectl("scale", "statefulset/rosey-nats", "--replicas=1")
    load.until_it_flows()
    lost = missing(load)
    if per_replica:
        assert lost == Counter(), load.evidence(lost)
    else:
        assert lost.total() > HELD_BACK / 10


def test_one_bot_becomes_several_and_one_again_and_finds_its_volume(make_release: MakeRelease, tmp_path: Path) -> None:
    load = make_load(make_release, "spools-of-one", tmp_path, {})
    release = load.release
    claim = release.namespace.get("pvc", "rosey-bot")["metadata"]["uid"]
    take_nats_away(release)
    # Which brings NATS back, too.
    release.upgrade(SEVERAL)
    load.until_it_flows()
    claims = {item["metadata"]["name"] for item in release.namespace.get("pvc")["items"]}
    assert {"rosey-bot", "data-rosey-bot-0", "data-rosey-bot-1"} <= claims
    release.upgrade(ONE)
    load.until_it_flows()
    assert release.namespace.get("pvc", "rosey-bot")["metadata"]["uid"] == claim
    lost = missing(load)
    assert lost == Counter(), load.evidence(lost)
