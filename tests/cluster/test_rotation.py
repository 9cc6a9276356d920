"""Passwords of NATS change under load, and the bot never leaves its room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.cluster.cluster import Release, merged, until
from tests.cluster.load import Load, changes, said, stored_changes, stored_lines, values

RATE: Final = 100
SLOW_RATE: Final = 50
"""For minutes, while three servers begin anew."""
ENOUGH: Final = 400
"""Lines that must have been said, so that the comparison means something: so many are waited for."""
USERS: Final = ("bot", "database", "admin")
THREE: Final = {"nats": {"replicas": 3, "persistence": {"size": "1Gi"}}}


LOG_IN: Final = """
import asyncio, base64, nats, sys
async def main():
    try:
        password = base64.b64decode(sys.argv[1]).decode()
        await nats.connect("nats://rosey-nats:4222", user="bot", password=password, allow_reconnect=False)
    except Exception as error:
        print(error)
asyncio.run(main())
"""


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """What is otherwise than before."""
    return {key for key in before if before[key] != after[key]}


def nothing_was_lost(load: Load) -> None:
    """Wait until all is stored, and hold it to the record; the bot has never left its room."""
    load.until_all_is_stored()
    truth, database = load.truth(), load.stored()
    assert load.departures() == []
    lines = stored_lines(database)
    assert said(truth).total() > ENOUGH
    assert (said(truth) - lines, lines - said(truth)) == (Counter(), Counter())
    assert changes(truth) == stored_changes(database)


def test_other_passwords_cost_nothing_that_happens_in_the_room(
    make_release: Callable[..., Release], tmp_path: Path
) -> None:
    load = Load(make_release("rotation", values(rate=RATE)), tmp_path)
    release = load.release
    load.until_it_flows()
    before = release.secret()
    pods = {name: release.pod(name)["metadata"]["uid"] for name in ("bot", "database", "nats")}
    release.rotate_passwords()
    assert changed(before, release.secret()) == {f"{user}-password" for user in USERS}
    load.until_it_flows()
    refusal = release.namespace.python("deployment/rosey-bot", LOG_IN, before["bot-password"])
    assert "Authorization Violation" in refusal
    nothing_was_lost(load)
    assert changed(pods, {name: release.pod(name)["metadata"]["uid"] for name in pods}) == {"nats"}
    assert [release.restarts(name) for name in pods] == [0, 0, 0]
    assert "PASSED" in release.test()


def test_another_password_between_servers_costs_nothing_that_happens_in_the_room(
    make_release: Callable[..., Release], tmp_path: Path
) -> None:
    load = Load(make_release("routes", merged(values(rate=SLOW_RATE), THREE)), tmp_path)
    release = load.release
    load.until_it_flows()
    before, services = release.secret(), {name: release.pod(name)["metadata"]["uid"] for name in ("bot", "database")}
    servers = {pod["metadata"]["uid"] for pod in release.pods("nats")}
    release.rotate_cluster_password()
    assert changed(before, release.secret()) == {"cluster-password"}
    # A server is ready only with the others, which have the new password, too: none of before is left.
    until(lambda: len(ready(release)) == 3, what="three servers are ready", timeout=30)
    assert not ready(release) & servers
    load.until_it_flows()
    nothing_was_lost(load)
    assert changed(services, {name: release.pod(name)["metadata"]["uid"] for name in services}) == set()
    assert [release.restarts(name) for name in services] == [0, 0]
    assert "PASSED" in release.test()


def ready(release: Release) -> set[str]:
    """The NATS servers' pods that are ready."""
    return {
        pod["metadata"]["uid"]
        for pod in release.pods("nats")
        if all(one["ready"] for one in pod["status"].get("containerStatuses", [{"ready": False}]))
    }
