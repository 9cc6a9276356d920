"""Passwords of NATS change under load, and the bot never leaves its room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.cluster.cluster import Release
from tests.cluster.load import Load, changes, said, stored_changes, stored_lines, values

RATE: Final = 100
ACTIONS: Final = 45 * RATE
USERS: Final = ("bot", "database", "admin")


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


def test_other_passwords_cost_nothing_that_happens_in_the_room(
    make_release: Callable[..., Release], tmp_path: Path
) -> None:
    load = Load(make_release("rotation", values(rate=RATE, actions=ACTIONS)), tmp_path)
    release = load.release
    load.until_it_flows()
    before = release.secret()
    pods = {name: release.pod(name)["metadata"]["uid"] for name in ("bot", "database", "nats")}
    release.rotate_passwords()
    after = release.secret()
    assert {key for key in before if before[key] != after[key]} == {f"{user}-password" for user in USERS}
    load.until_it_flows()
    refusal = release.namespace.python("deployment/rosey-bot", LOG_IN, before["bot-password"])
    assert "Authorization Violation" in refusal
    load.until_all_is_stored()
    truth, database = load.truth(), load.stored()
    assert load.departures() == []
    lines = stored_lines(database)
    assert said(truth).total() > ACTIONS / 4
    assert (said(truth) - lines, lines - said(truth)) == (Counter(), Counter())
    assert changes(truth) == stored_changes(database)
    changed = {name for name, uid in pods.items() if release.pod(name)["metadata"]["uid"] != uid}
    assert changed == {"nats"}
    assert [release.restarts(name) for name in pods] == [0, 0, 0]
    assert "PASSED" in release.test()
