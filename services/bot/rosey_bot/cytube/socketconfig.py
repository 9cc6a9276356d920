"""Where a channel's socket is: CyTube may move a channel to another server, so this is asked anew each time."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote

import aiohttp

from rosey_bot.cytube.backoff import Cause, Disconnected
from rosey_bot.cytube.failures import PROXY_ERRORS, explain_failure

TIMEOUT: Final = aiohttp.ClientTimeout(total=15)
LONGEST_ANSWER: Final = 65536
"""Bytes; whatever else is at that address, it must not fill the memory."""


async def fetch_socket_url(http: aiohttp.ClientSession, server: str, channel: str, *, proxy: str | None = None) -> str:
    """The address of the channel's Socket.IO server, an encrypted one where there is one (PROTOCOL.md 1).

    Args:
        http: the session to ask with.
        server: the web site's address, without a slash at its end.
        channel: the channel's name.
        proxy: through which proxy the session goes, for people; ``None`` for none.

    Raises:
        Disconnected: the site cannot be reached, has no such channel, or gives no usable answer.
    """
    address = f"{server}/socketconfig/{quote(channel, safe='')}.json"
    try:
        async with http.get(address, timeout=TIMEOUT) as response:
            if response.status == 404:
                raise Disconnected(Cause.REFUSED, f"{server} has no channel {channel!r}", "no_channel")
            if response.status != 200:
                raise Disconnected(Cause.UNREACHABLE, f"{address} answers with status {response.status}")
            body = bytearray()
            async for part in response.content.iter_any():
                body += part
                if len(body) > LONGEST_ANSWER:
                    raise Disconnected(Cause.UNREACHABLE, f"{address} answers with more than a list of servers")
        answer = json.loads(body)
    except (aiohttp.ClientError, TimeoutError, OSError, *PROXY_ERRORS) as error:
        raise explain_failure(error, server, proxy) from None
    except (ValueError, RecursionError):
        raise Disconnected(Cause.UNREACHABLE, f"{address} does not answer with JSON") from None
    url = _choose(answer)
    if url is None:
        raise Disconnected(Cause.UNREACHABLE, f"{address} names no server")
    return url


def _choose(answer: Any) -> str | None:
    servers = answer.get("servers") if isinstance(answer, dict) else None
    usable = [
        entry
        for entry in (servers if isinstance(servers, list) else [])
        if isinstance(entry, dict) and str(entry.get("url")).startswith(("http://", "https://"))
    ]
    if not usable:
        return None
    return str(next((entry for entry in usable if entry.get("secure") is True), usable[0])["url"])
