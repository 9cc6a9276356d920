"""The watch: what it has opened it closes, whenever it is ended."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from typing import Any

import aiohttp
import pytest
from kopf._cogs.clients import auth, scanning

from rosey_core.bus import end_task
from rosey_core.config.models import Operator
from rosey_operator.handlers import Sessions, Watch
from rosey_operator.kubernetes.api import Connection, log_in
from tests.support.kubernetes_api import KubernetesApi
from tests.support.waiting import until


async def end_as_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """End a watch whose task that looks for the resources takes that for something else, as some of kopf's do.

    It comes to ask when kopf has closed its connections.
    """
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    right = scanning._read_version

    async def late(**options: Any) -> Any:
        loop.call_soon_threadsafe(begun.set)
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        vault = auth.vault_var.get()
        await until(lambda: all(item.caches is None for item in vault._current.values()), poll=0)
        return await right(**options)

    monkeypatch.setattr(scanning, "_read_version", late)
    watch = Watch(Operator(namespace="chat"), {"CytubeChannel": lambda: None})
    watching = asyncio.create_task(watch.run())
    await begun.wait()
    await end_task(watching)


async def test_all_connections_are_closed_where_it_ends_as_it_begins(
    api: KubernetesApi, monkeypatch: pytest.MonkeyPatch, sessions: list[aiohttp.ClientSession]
) -> None:
    await end_as_it_begins(monkeypatch)
    assert sessions
    assert [one for one in sessions if not one.closed] == []
    assert "kopf" not in {thread.name for thread in threading.enumerate()}


async def test_broken_variant_in_which_kopf_opens_them_itself_leaves_one_open(
    api: KubernetesApi, monkeypatch: pytest.MonkeyPatch, sessions: list[aiohttp.ClientSession]
) -> None:
    async def by_itself(self: Sessions, **_: Any) -> Connection | None:
        return log_in()

    monkeypatch.setattr(Sessions, "log_in", by_itself)
    # One that is kept for the next request could be closed in kopf's event loop only, which has ended.
    monkeypatch.setattr(aiohttp, "TCPConnector", functools.partial(aiohttp.TCPConnector, force_close=True))
    await end_as_it_begins(monkeypatch)
    [left] = [one for one in sessions if not one.closed]
    await left.close()


async def test_whom_the_api_refuses_is_not_tried_again_and_again(api: KubernetesApi) -> None:
    sessions = Sessions()
    assert await sessions.log_in() is not None
    assert await sessions.log_in() is None
    await sessions.close()
