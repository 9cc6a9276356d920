"""Channels come without the bot's leaving its other rooms: by an upgrade, and by `rosey channel add`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.cluster.cluster import Release, Rosey, until

SITE = "http://rosey-simulator:8080"


@pytest.fixture(scope="module")
def release(make_release: Callable[..., Release]) -> Release:
    """A release with a simulated site of three channels, in one of which the bot sits."""
    arguments = ["--channel=second", "--channel=third"]
    return make_release("channels", {"simulator": {"enabled": True, "extraArgs": arguments}})


@pytest.fixture
def rosey(release: Release) -> Iterator[Rosey]:
    """`rosey` on this machine, as the administrator of the release's NATS."""
    with release.administrator() as found:
        yield found


def is_in(release: Release, channel: str) -> bool:
    return release.metrics("bot").get(f'rosey_bot_connected{{channel="{channel}"}}') == 1


def test_an_upgrade_brings_a_channel_to_the_bot_at_work(release: Release) -> None:
    pod = release.pod("bot")["metadata"]
    release.upgrade({"bot": {"channels": [{"channel": "second", "server": SITE}]}})
    # The kubelet brings new files within a minute or so, and at once to a pod that changes.
    release.namespace.kubectl("annotate", "pod", pod["name"], "look=now")
    until(lambda: is_in(release, "second"), what="the bot is in the second channel", timeout=120)
    assert release.pod("bot")["metadata"]["uid"] == pod["uid"]
    assert release.restarts("bot") == 0
    assert is_in(release, "demo")


def test_a_channel_is_added_and_removed_while_it_runs(release: Release, rosey: Rosey) -> None:
    pod = release.pod("bot")["metadata"]["uid"]
    assert rosey("channel", "add", f"{SITE}/r/third") == "third added\n"
    until(lambda: is_in(release, "third"), what="the bot is in the third channel")
    assert "third" in rosey("channel", "list")
    rosey("channel", "remove", "third")
    until(lambda: not is_in(release, "third"), what="the bot has left the third channel")
    assert release.pod("bot")["metadata"]["uid"] == pod
    assert "ermissions" not in release.namespace.kubectl("logs", "deployment/rosey-bot").decode()
    assert "ermissions" not in release.namespace.kubectl("logs", "deployment/rosey-database").decode()
