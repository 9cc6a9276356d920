"""The process: what it says of itself, of what is wrong, and its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from nats.aio.client import Client

from rosey_core import streams
from rosey_core.config import Config
from rosey_core.streams import StreamLimits
from rosey_operator import service
from tests.support.kubernetes_api import KubernetesApi
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

PROGRAM = Path(sys.executable).with_name("rosey-operator")


async def test_check_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setattr(service, "CHECK_TIMEOUT", 0.2)
    config = Config.model_validate({"nats": {"url": "nats://127.0.0.1:1"}})
    kubernetes, nats = await service.check(config)
    assert "no way to log in to Kubernetes" in kubernetes
    assert "cannot be reached" in nats


async def test_check_finds_nothing_where_all_is_there(api: KubernetesApi, nats_server: NatsServer) -> None:
    config = Config.model_validate({"nats": {"url": nats_server.url}})
    assert await service.check(config) == []


async def test_it_is_ready_and_ends_when_it_is_asked_to(
    api: KubernetesApi, nats_server: NatsServer, nats_client: Client, tmp_path: Path
) -> None:
    await streams.ensure_buckets(nats_client, StreamLimits())
    file = tmp_path / "ready.json"
    environment = {
        **os.environ,
        "ROSEY_NATS__URL": nats_server.url,
        "ROSEY_OPERATOR__NAMESPACE": "chat",
        "ROSEY_READY_FILE": str(file),
    }
    log = tmp_path / "log"
    with log.open("w") as out:
        process = await asyncio.to_thread(subprocess.Popen, [str(PROGRAM)], env=environment, stdout=out, stderr=out)
        try:
            await until(file.exists, timeout=20)
            url = json.loads(file.read_text())["health_url"]
            await until(lambda: _status(f"{url}/readyz") == 200, timeout=20, poll=0.05, what=log.read_text())
            api.put("cytubechannels", "one", {"spec": {"channel": "one"}})
            await until(lambda: "status" in api.find("cytubechannels", "one"), poll=0.02)
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            await until(lambda: process.poll() is not None, timeout=15, poll=0.02)
            assert time.monotonic() - began < 10
            assert process.returncode == 0
            assert api.all("leases")[0]["spec"]["holderIdentity"] == ""
        finally:
            process.kill()
            process.wait()
    assert "one: handed to the bots" in log.read_text()
    assert "Traceback" not in log.read_text()


def _status(url: str) -> int:
    try:
        return int(urlopen(url, timeout=2).status)
    except OSError:
        return 0
