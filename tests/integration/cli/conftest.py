"""Events published to a real stream and stored by a real service, for commands that look at both."""

from __future__ import annotations

from pathlib import Path

import pytest
from nats.aio.client import Client

from rosey_cli.up import signals
from rosey_cli.up.baseline import open_to_read, position
from rosey_core import events, hangup, streams, subjects
from rosey_core.events import Event
from tests.integration.cli.story import Publish, Stored
from tests.support.waiting import until


@pytest.fixture
def publish(nats_client: Client) -> Publish:
    """Publish events as a bot does; returns the last one's sequence."""

    async def publish(*published: Event) -> int:
        sequence = 0
        for event in published:
            subject = subjects.for_channel(event.SUBJECT, event.channel)
            # A command's attempt and outcome are one event, and two messages.
            result = f":{event.result}" if isinstance(event, events.PmCommand) else ""
            headers = {"Nats-Msg-Id": event.event_id + result} if event.event_id else None
            ack = await nats_client.jetstream().publish(
                subject, events.encode(event), stream=streams.EVENTS, headers=headers
            )
            sequence = ack.seq
        return sequence

    return publish


@pytest.fixture
def signals_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """For commands that run in a thread: only the main thread of a process may handle signals."""
    monkeypatch.setattr(signals, "_SIGNALS", [])
    monkeypatch.setattr(hangup, "SIGNALS", [])


@pytest.fixture
def stored(database_file: Path) -> Stored:
    """Wait until the service has stored up to a sequence."""

    async def stored(sequence: int) -> None:
        connection = open_to_read(database_file)
        try:
            await until(lambda: position(connection)[1] >= sequence, what=f"{sequence} is stored")
        finally:
            connection.close()

    return stored
