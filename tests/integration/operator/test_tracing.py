"""Each look that leads to something is a span, which tells what was done and whether it failed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from benchmarks.otlp_receiver import OtlpReceiver
from rosey_core.config import Telemetry
from tests.integration.operator.conftest import Bucket, MakeOperator
from tests.support.kubernetes_api import KubernetesApi
from tests.support.waiting import until

SPAN = "reconcile cytubechannels"


@pytest.fixture
async def receiver() -> AsyncIterator[OtlpReceiver]:
    """Takes the spans."""
    found = OtlpReceiver()
    await found.start()
    yield found
    await found.stop()


async def test_what_was_done_is_a_span_and_what_was_refused_a_failed_one(
    make_operator: MakeOperator,
    api: KubernetesApi,
    bucket: Bucket,
    receiver: OtlpReceiver,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    settings = Telemetry(endpoint=receiver.url)
    api.refuse["POST", "events"] = 403
    api.put("cytubechannels", "one", {"spec": {"channel": "one"}})
    operator = await make_operator(tracing=settings)
    try:
        # A first look, before the entries are read, has other things to do.
        await until(lambda: any(span.attributes.get("rosey.actions.PutEntry") == 1 for span in receiver.named(SPAN)))
        await until(lambda: any(span.failed for span in receiver.named(SPAN)))
    finally:
        await operator.stop()
        if operator.context.tracing is not None:
            await asyncio.to_thread(operator.context.tracing.close)
