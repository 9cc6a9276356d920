"""Asking a service over NATS."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from nats.aio.client import Client

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
def ask(nats_client: Client) -> Ask:
    """Send a request and return the answer's JSON: ``await ask(subject, limit=5)``, or ``payload=b"..."`` as it is."""

    async def ask(subject: str, payload: bytes | None = None, **fields: Any) -> Any:
        body = json.dumps(fields).encode() if payload is None else payload
        return json.loads((await nats_client.request(subject, body, timeout=5)).data)

    return ask
