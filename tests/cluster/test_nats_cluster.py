"""All that the chart has at once, with three NATS servers and encrypted connections.

One server may be lost, and evictions leave two.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cluster.cluster import CommandFailed, Namespace, Release, run, until

VALUES = {
    "nats": {"persistence": {"size": "1Gi"}, "replicas": 3, "tls": {"secretName": "nats-certificate"}},
    "simulator": {"enabled": True},
    "backup": {"enabled": True},
    "monitoring": {"dashboards": {"enabled": True}},
}


def make_certificate(namespace: Namespace, directory: Path) -> None:
    """Make a certificate for the name of NATS' Service, which vouches for itself, and its Secret."""
    key, certificate = directory / "tls.key", directory / "tls.crt"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-keyout", str(key), "-out", str(certificate), "-days", "2"]
    run(*command, "-subj", "/CN=rosey-nats", "-addext", "subjectAltName=DNS:rosey-nats")
    files = [f"--from-file=tls.crt={certificate}", f"--from-file=tls.key={key}", f"--from-file=ca.crt={certificate}"]
    namespace.kubectl("create", "secret", "generic", "nats-certificate", *files)


@pytest.fixture(scope="module")
def release(make_release: Callable[..., Release], tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release with three NATS servers, to which connections are encrypted, and with what else there is."""
    directory = tmp_path_factory.mktemp("certificate")
    return make_release("nats", VALUES, lambda namespace: make_certificate(namespace, directory))


def test_a_round_trip_succeeds_over_encrypted_connections(release: Release) -> None:
    assert "PASSED" in release.test()


def test_a_connection_that_trusts_nobody_is_not_made(release: Release) -> None:
    script = """
import asyncio, nats
async def main():
    try:
        await nats.connect("tls://rosey-nats:4222", allow_reconnect=False)
    except Exception as error:
        print(error)
asyncio.run(main())
"""
    assert "certificate verify failed" in release.namespace.python("deployment/rosey-bot", script)


COPIES = """
import asyncio, json, os, ssl
import nats

async def main():
    options = {"user": os.environ["ROSEY_NATS__USER"], "password": open("/etc/rosey/nats-user/password").read()}
    options["tls"] = ssl.create_default_context(cafile="/etc/rosey/nats/ca.crt")
    client = await nats.connect("tls://rosey-nats:4222", inbox_prefix="_INBOX.rosey-database", **options)
    found = {}
    for stream in ("ROSEY_EVENTS", "ROSEY_DLQ"):
        info = await client.jsm().stream_info(stream)
        found[stream] = [info.config.num_replicas, sum(replica.current for replica in info.cluster.replicas)]
    await client.close()
    print(json.dumps(found))

asyncio.run(main())
"""


def test_streams_have_three_copies(release: Release) -> None:
    expected = {"ROSEY_EVENTS": [3, 2], "ROSEY_DLQ": [3, 2]}

    def right() -> bool:
        return bool(json.loads(release.namespace.python("deployment/rosey-database", COPIES)) == expected)

    until(right, what="a leader and two followers that have all of it")


def test_passwords_change_one_server_after_the_other(release: Release) -> None:
    before = release.secret()
    release.rotate_passwords()
    assert release.secret()["bot-password"] != before["bot-password"]
    assert "PASSED" in release.test()
    assert (release.restarts("bot"), release.restarts("database")) == (0, 0)


def test_a_round_trip_succeeds_while_one_is_gone(release: Release) -> None:
    release.namespace.kubectl("delete", "pod", "rosey-nats-1", "--grace-period=0", "--force")
    assert "PASSED" in release.test()
    until(lambda: ready(release) == 3, what="the third is back", timeout=120)


def ready(release: Release) -> int:
    return int(release.namespace.get("statefulset", "rosey-nats")["status"].get("readyReplicas", 0))


def test_the_budget_lets_one_be_evicted_at_a_time(release: Release) -> None:
    until(lambda: ready(release) == 3, what="all three are ready", timeout=120)
    path = f"/api/v1/namespaces/{release.namespace.name}/pods"

    def evict(pod: str) -> None:
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
        body = json.dumps(eviction).encode()
        release.namespace.kubectl("create", "--raw", f"{path}/{pod}/eviction", "--filename=-", input=body)

    until(lambda: release.namespace.get("pdb", "rosey-nats")["status"]["disruptionsAllowed"] == 1, what="one may go")
    evict("rosey-nats-2")
    with pytest.raises(CommandFailed, match="disruption budget"):
        evict("rosey-nats-0")
