"""A release in a namespace with the restricted Pod Security Standard: it works, and may do nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.cluster.cluster import CommandFailed, Namespace, Release, image, until
from tests.cluster.usage import COMPONENTS, usage

FIRST_EVENT_S = 60
IDLE_MEMORY = 250e6
"""Bytes of all containers together."""


@pytest.fixture(scope="module")
def begun() -> dict[str, float]:
    """When the installation of ``release`` began, monotonic seconds."""
    return {}


@pytest.fixture(scope="module")
def release(make_release: Callable[..., Release], begun: dict[str, float]) -> Release:
    """A release with a simulated channel."""
    begun["at"] = time.monotonic()
    return make_release("installation", {"simulator": {"enabled": True}})


@pytest.fixture(scope="module")
def elsewhere(make_namespace: Callable[..., Namespace]) -> Namespace:
    """Another namespace."""
    return make_namespace("elsewhere")


def test_the_first_event_is_stored_within_a_minute(release: Release, begun: dict[str, float]) -> None:
    until(release.stored_lines, what="a line of chat is stored", timeout=FIRST_EVENT_S, poll=0.2)
    seconds = time.monotonic() - begun["at"]
    print(f"from helm install to the first stored line: {seconds:.1f} s")
    assert seconds < FIRST_EVENT_S


def test_a_round_trip_succeeds(release: Release) -> None:
    assert "PASSED   publish, store, query, metrics" in release.test()


def test_no_container_was_started_twice(release: Release) -> None:
    assert [release.restarts(component) for component in ("nats", "database", "bot", "simulator")] == [0, 0, 0, 0]


def test_the_restricted_standard_is_enforced_where_it_runs(release: Release) -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "root"},
        "spec": {"containers": [{"name": "root", "image": image("database")}]},
    }
    with pytest.raises(CommandFailed, match="violates PodSecurity"):
        release.namespace.apply(pod)


def test_without_a_channel_all_is_ready(make_release: Callable[..., Release]) -> None:
    release = make_release("default")
    assert "PASSED" in release.test()
    assert "rosey_bot_connected" not in " ".join(release.metrics("bot"))
    taken = until(lambda: len(found := usage(release)) == len(COMPONENTS) and found, what="the kubelet has figures")
    assert sum(each.memory for each in taken.values()) < IDLE_MEMORY


CONNECT = """
import json, socket, sys
found = {}
for address in json.loads(%r):
    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
        found[address] = "connected"
    except TimeoutError:
        found[address] = "refused"
print(json.dumps(found))
"""


def connections(addresses: list[str]) -> str:
    """A script that tells which of these addresses (host:port) it can connect to."""
    return CONNECT % json.dumps(addresses)


def addresses(release: Release) -> dict[str, str]:
    ports = {"nats": 4222, "database": 9100, "bot": 9100, "simulator": 8080}
    return {name: f"{release.pod(name)['status']['podIP']}:{port}" for name, port in ports.items()}


def test_a_stranger_can_connect_to_nothing_until_the_policies_are_gone(release: Release, elsewhere: Namespace) -> None:
    everywhere = list(addresses(release).values())
    found = json.loads(elsewhere.run_pod("stranger", image("database"), connections(everywhere)))
    assert found == dict.fromkeys(everywhere, "refused")
    release.upgrade({"networkPolicy": {"enabled": False}})
    everywhere = list(addresses(release).values())

    def open_now() -> bool:
        found = json.loads(elsewhere.run_pod("stranger", image("database"), connections(everywhere)))
        return bool(found == dict.fromkeys(everywhere, "connected"))

    until(open_now, what="without policies everything can be reached", timeout=30)
    release.upgrade({"networkPolicy": {"enabled": True}})


@pytest.mark.parametrize(
    ("component", "allowed"), [("bot", {"nats", "simulator"}), ("database", {"nats"}), ("simulator", set())]
)
def test_a_service_can_connect_only_to_what_it_needs(release: Release, component: str, allowed: set[str]) -> None:
    places = {name: address for name, address in addresses(release).items() if name != component}
    script = connections(list(places.values()))

    def right() -> bool:
        found: dict[str, Any] = json.loads(release.namespace.python(f"deployment/rosey-{component}", script))
        return {name for name, address in places.items() if found[address] == "connected"} == allowed

    # A policy takes effect within a moment.
    until(right, what=f"{component} can connect to {allowed or 'nothing'}", timeout=40)


RIGHTS = """
import asyncio, json, os, sys
import nats

async def main(publish, subscribe):
    refused = []

    async def note(error):
        refused.append(str(error))

    user = {"user": os.environ["ROSEY_NATS__USER"], "password": open("/etc/rosey/nats-user/password").read()}
    client = await nats.connect("nats://rosey-nats:4222", error_cb=note, **user)
    found = {}
    for verb, subjects in (("publish", publish), ("subscribe", subscribe)):
        for subject in subjects:
            refused.clear()
            if verb == "publish":
                await client.publish(subject, b"{}")
            else:
                await client.subscribe(subject)
            await client.flush()
            await client.flush()
            found[verb + " " + subject] = not any("ermissions" in error for error in refused)
    await client.close()
    print(json.dumps(found))

asyncio.run(main(*json.loads(sys.argv[1])))
"""


@pytest.mark.parametrize(
    ("component", "allowed", "refused"),
    [
        (
            "bot",
            (["rosey.db.message.log.demo", "rosey.db.query.channel_stats"], ["_INBOX.rosey-bot.x"]),
            (
                ["rosey.dlq.x", "rosey.db.other", "$JS.API.STREAM.DELETE.ROSEY_EVENTS", "_INBOX.x", "other"],
                ["rosey.db.>", "_INBOX.>", "_INBOX.rosey-database.x", ">"],
            ),
        ),
        (
            "database",
            (["rosey.dlq.x", "_INBOX.x"], ["rosey.db.query.user_stats.*", "_INBOX.rosey-database.x"]),
            (
                ["rosey.db.message.log.demo", "$JS.API.STREAM.DELETE.ROSEY_EVENTS", "$JS.API.STREAM.PURGE.ROSEY_DLQ"],
                ["rosey.db.message.log.*", "_INBOX.>", ">"],
            ),
        ),
    ],
)
def test_nats_refuses_what_a_service_has_no_right_to(
    release: Release, component: str, allowed: tuple[list[str], list[str]], refused: tuple[list[str], list[str]]
) -> None:
    where = f"deployment/rosey-{component}"

    def found(asked: tuple[list[str], list[str]]) -> dict[str, bool]:
        result: dict[str, bool] = json.loads(release.namespace.python(where, RIGHTS, json.dumps(asked)))
        return result

    assert set(found(allowed).values()) == {True}, found(allowed)
    assert set(found(refused).values()) == {False}, found(refused)


@pytest.mark.parametrize("options", ["", "user='bot', password='wrong'"])
def test_nats_refuses_who_has_no_password(release: Release, options: str) -> None:
    script = f"""
import asyncio, nats
async def main():
    try:
        await nats.connect("nats://rosey-nats:4222", allow_reconnect=False, {options})
    except Exception as error:
        print(error)
asyncio.run(main())
"""
    assert "Authorization Violation" in release.namespace.python("deployment/rosey-bot", script)
