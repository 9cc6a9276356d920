"""The HTTP API in the cluster: a token made in the service's pod is good for those whom the policy lets in."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.cluster.cluster import Namespace, Release, image, until

PROGRAM = """
import json, urllib.error, urllib.request
address, token = json.loads(%r)
found = []
for path, body in (("channel_stats", None), ("messages", b'{"message": "hello, room"}')):
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{address}/v1/{path}", body, headers), timeout=3) as answer:
            found.append(answer.status)
    except urllib.error.HTTPError as error:
        found.append(error.code)
    except OSError:
        found.append("refused")
print(json.dumps(found))
"""


def test_a_token_that_is_made_in_the_pod_is_good_for_whom_the_policy_lets_in(
    make_release: Callable[..., Release], make_namespace: Callable[..., Namespace]
) -> None:
    guest, stranger = make_namespace("api-guest"), make_namespace("api-stranger")
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": guest.name}}}
    release = make_release("api", {"database": {"api": {"enabled": True}}, "networkPolicy": {"apiFrom": [peer]}})
    address = f"http://rosey-database.{release.namespace.name}.svc:8090"

    def token(*options: str) -> str:
        program = ["rosey-database", "token", "create", "--database", "/var/lib/rosey/rosey.db"]
        command = ["exec", "deployment/rosey-database", "--", *program, "--description", "a program", *options]
        return release.namespace.kubectl(*command).decode().strip()

    def answers(namespace: Namespace, shown: str) -> list[Any]:
        script = PROGRAM % json.dumps([address, shown])
        found: list[Any] = json.loads(namespace.run_pod("program", image("database"), script))
        return found

    both, reader = token(), token("--read-only")
    # A policy takes effect within a moment.
    until(lambda: "refused" not in answers(guest, both), what="the policy lets the guest in", timeout=40)
    assert answers(guest, reader) == [200, 403]
    assert answers(guest, reader[:-1]) == [401, 401]
    assert answers(guest, both) == [200, 202]
    assert answers(stranger, both) == ["refused", "refused"]
    posted = release.query("SELECT DISTINCT message FROM outbound_messages")
    assert [list(row) for row in posted] == [["hello, room"]]
