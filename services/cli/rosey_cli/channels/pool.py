"""The bots of a pool, as their leases tell of them."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct
from nats.aio.client import Client

from rosey_cli.channels.bucket import contents
from rosey_core import leases, streams
from rosey_core.leases import Claim, Session


class Worker(Struct, frozen=True, kw_only=True):
    """A bot of the pool; one that has just died is there until the others notice.

    Attributes:
        worker: what it is called.
        channels: how many channels it holds.
        address_group: from which address it comes.
        draining: whether it is about to go.
    """

    worker: str
    channels: int
    address_group: str
    draining: bool


async def read(client: Client) -> list[Worker]:
    """All of them, by name.

    Raises:
        Failure: there is no bucket.
    """
    sessions: dict[str, Session] = {}
    loads: Counter[str] = Counter()
    for key, stored in (await contents(client, streams.LEASES)).entries.items():
        record = leases.decode(key, stored.value or b"")
        if isinstance(record, Session):
            sessions[key] = record
        elif isinstance(record, Claim):
            loads[leases.session_key(record.session)] += 1
    found = [
        Worker(worker=it.worker, channels=loads[key], address_group=it.group, draining=it.draining)
        for key, it in sessions.items()
    ]
    return sorted(found, key=lambda each: each.worker)
