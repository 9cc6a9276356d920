"""A channel takes other cool-downs, intervals and secrets without leaving its room."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta, timezone

from rosey_bot.commands.cooldowns import Cooldowns
from rosey_core import events
from tests.support.waiting import until
from tests.unit.bot.harness import ListSink, unconnected_channel


def test_a_cooldown_that_changes_counts_from_the_last_answer() -> None:
    now = 0.0
    cooldowns = Cooldowns(10, 0, monotonic=lambda: now)
    assert cooldowns.allow("Ann")
    now = 5.0
    assert not cooldowns.allow("ann")
    cooldowns.change(4, 0)
    assert cooldowns.allow("ann")
    cooldowns.change(4, 2)
    now = 6.0
    assert not cooldowns.allow("Bob")


def test_new_secrets_are_masked_on_record() -> None:
    sink = ListSink()
    channel = unconnected_channel(sink)
    channel.change(channel.settings, ["hunter22"])
    channel._audit.attempt("Mod", "say", "hunter22 it is")
    (recorded,) = sink.events
    assert isinstance(recorded, events.PmCommand)
    assert recorded.args == "*** it is"


async def test_other_intervals_count_in_a_channel_that_runs() -> None:
    sink = ListSink()
    channel = unconnected_channel(sink)
    zone = timezone(timedelta(hours=2))
    fast = dataclasses.replace(channel.settings, status_interval=0.01, outbound_interval=9.0, zone=zone)
    channel.change(fast, [])
    running = asyncio.create_task(channel.run())
    await until(lambda: len(sink.of(events.StatusUpdate)) > 2)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (channel._poster.interval, channel._router.zone) == (9.0, zone)
