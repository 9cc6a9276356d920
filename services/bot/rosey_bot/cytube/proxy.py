"""Going through a proxy: socketconfig and socket alike, so that CyTube sees the proxy's address and no other."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp_socks import ProxyConnector

DIRECT: Final = "direct"


def open_http(proxy: str | None) -> aiohttp.ClientSession:
    """An HTTP session, to be closed by the caller, whose every connection goes through ``proxy`` if there is one.

    Host names are resolved by the proxy. ``http://`` proxies are asked for tunnels (``CONNECT``), also to ports other
    than 443.
    """
    return aiohttp.ClientSession() if proxy is None else aiohttp.ClientSession(connector=ProxyConnector.from_url(proxy))


def address_group(proxy: str | None) -> str:
    """What those connections have in common that CyTube sees from one address, for people: shows no credentials."""
    if proxy is None:
        return DIRECT
    parts = urlsplit(proxy)
    return f"{parts.hostname}:{parts.port}"
