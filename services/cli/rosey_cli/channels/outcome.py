"""What becomes of a channel that was added: what a bot tells of it within a moment."""

from __future__ import annotations

import asyncio

from nats.aio.client import Client

from rosey_cli.channels.bucket import UNTOLD
from rosey_core import bucket_watch, channel_status, streams
from rosey_core.bucket_watch import Entry, Watch
from rosey_core.channel_status import ChannelStatus


async def wait(client: Client, key: str, revision: int, seconds: float) -> ChannelStatus | None:
    """What a bot tells of an entry, as soon as it is in the room or something is wrong.

    Args:
        client: a connection.
        key: the channel's.
        revision: of the entry.
        seconds: after which it is what the bot tells by then. Where no bot is alive nothing is waited for.

    Returns:
        What it tells; ``None`` where no bot tells of the entry.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    async with bucket_watch.watch(client, streams.CHANNEL_STATUS) as watch:
        if not await _is_any_alive(client, watch):
            return None
        status = _told(watch.entries.get(key), revision)
        while not _is_settled(status) and (left := end - loop.time()) > 0:
            change = await watch.next(left)
            if change is not None and change.key == key:
                status = _told(change, revision)
    return status


def described(status: ChannelStatus | None) -> str:
    """What a bot tells, for people."""
    if status is None:
        return UNTOLD
    if status.state == "joined" and status.problem is None:
        joined = "joined" if status.user is None else f"joined as {status.user}"
        return joined if status.note is None else f"{joined}; {status.note}"
    return channel_status.hindrance(status.problem, status.waits_for) or "on its way"


def _is_settled(status: ChannelStatus | None) -> bool:
    return status is not None and (status.cause is not None or (status.state == "joined" and status.problem is None))


def _told(entry: Entry | None, revision: int) -> ChannelStatus | None:
    """What a bot has told there of the entry of this revision, or of a later one."""
    if entry is None or entry.operation is not None:
        return None
    try:
        status = channel_status.decode(entry.value or b"")
    except channel_status.InvalidStatus:
        return None
    return status if status.revision is not None and status.revision >= revision else None


async def _is_any_alive(client: Client, watch: Watch) -> bool:
    beats = {key: entry for key, entry in watch.entries.items() if channel_status.is_beat_key(key)}
    ages = await bucket_watch.ages(client, streams.CHANNEL_STATUS, beats)
    return any(ages[key] < channel_status.SILENCE for key, entry in beats.items() if entry.operation is None)
