"""Orderly restarts at 500 events a second lose and double nothing of what the bot was told in the room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.cluster.cluster import Release, run
from tests.cluster.load import Load, changes, said, stored_changes, stored_lines, values

RATE: Final = 500
ACTIONS: Final = 75 * RATE
"""Enough for all restarts: a crowd that has fallen silent would prove nothing."""
ON_THE_WIRE_MS: Final = 500
"""Before the bot's leaving: what the room still told it, while it closed the connection."""


def test_restarts_upgrades_and_rollbacks_lose_and_double_nothing(
    make_release: Callable[..., Release], tmp_path: Path
) -> None:
    load = Load(make_release("restarts", values(rate=RATE, actions=ACTIONS)), tmp_path)
    release, kubectl = load.release, load.release.namespace.kubectl
    load.until_it_flows()
    for what in ("statefulset/rosey-nats", "deployment/rosey-database", "deployment/rosey-bot"):
        kubectl("rollout", "restart", what)
        kubectl("rollout", "status", what, "--timeout=90s")
        load.until_it_flows()
    changed = {"nats": {"maxPayload": "2MB"}, "stream": {"maxAgeHours": 24}, "bot": {"spoolMaxBytes": "64MiB"}}
    release.upgrade(changed)
    run("helm", "rollback", "rosey", "--namespace", release.namespace.name, "--wait", "--timeout", "120s")
    load.until_all_is_stored()
    truth, database = load.truth(), load.stored()
    expected, found = said(truth), stored_lines(database)
    assert expected.total() > ACTIONS / 4
    # While the bot enters it may see a line before the list of users, with which its sight begins by the record.
    assert found - said(load.everything()) == Counter()
    lost, departures = expected - found, load.departures()
    assert all(any(0 <= left - moment < ON_THE_WIRE_MS for left in departures) for moment, _, _ in lost), lost
    assert stored_changes(database) - changes(load.everything()) == Counter()
