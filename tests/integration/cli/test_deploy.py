"""The NATS configurations that are shipped, on a real nats-server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nats
import pytest

from tests.support.nats_server import NatsServer

DEPLOY = Path(__file__).parents[3] / "deploy"


@pytest.mark.parametrize("password", ["12345", "8k", "a b#c$d"])
@pytest.mark.parametrize("name", ["compose", "systemd"])
async def test_nats_starts_with_the_configuration_and_takes_the_password(
    name: str,
    password: str,
    make_nats_server: Callable[..., NatsServer],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NATS_PASSWORD", f'"{password}"')
    config = (DEPLOY / name / "nats.conf").read_text().replace("http_port: 8222\n", "").replace("CHANGE-ME", password)
    for directory in ("/var/lib/rosey-nats", "/data"):
        config = config.replace(f"store_dir: {directory}\n", f'store_dir: "{tmp_path}/store"\n')
    server = make_nats_server(jetstream=False, config=config)
    client = await nats.connect(server.url, user="rosey", password=password)
    assert (await client.jetstream().account_info()).streams == 0
    await client.close()
