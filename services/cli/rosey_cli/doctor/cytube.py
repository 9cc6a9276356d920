"""Checks of the CyTube sites and channels: whether they can be reached, let the bot in, and agree on the time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp

from rosey_bot.cytube.backoff import Cause, Disconnected
from rosey_bot.cytube.client import CytubeClient
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.failures import PROXY_ERRORS
from rosey_bot.cytube.login import Credentials
from rosey_bot.cytube.proxy import address_group, open_http
from rosey_bot.cytube.sending import Emit
from rosey_bot.cytube.socketconfig import fetch_socket_url
from rosey_cli.doctor.finding import Finding, ok, problem, warning
from rosey_core.config import Platform, laid_open

LOGIN_S: Final = 30.0
CLOCK_S: Final = 5.0
"""A clock may be off by so much: a site tells its time in whole seconds."""
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)

_ADVICE: Final = {
    Cause.REFUSED: "check the channel's name and server (platforms)",
    Cause.UNREACHABLE: "check the server's address, this machine's network and the proxy",
    Cause.UNTRUSTED: "check the server's address, this machine's clock and its certificates",
}


async def check(
    platforms: Sequence[Platform], *, logs_in: bool, clock: Callable[[], float] = time.time
) -> AsyncIterator[Finding]:
    """Look at each channel, and at the clock of each site.

    Args:
        platforms: the channels.
        logs_in: whether to join and log in as the bot does.
        clock: Unix seconds.
    """
    if not platforms:
        yield warning("channels", "no channel is enabled", "add one to platforms, or with rosey channel add")
    clocks: set[str] = set()
    for platform in platforms:
        proxy = laid_open(platform.proxy)
        reached = await _reach(platform, proxy)
        yield reached
        if reached.advice:
            continue
        if platform.server not in clocks:
            clocks.add(platform.server)
            yield await _clock(platform.server, proxy, clock)
        if platform.user is not None or platform.channel_password is not None:
            yield await _log_in(platform, proxy) if logs_in else _not_tried(platform)


async def _reach(platform: Platform, proxy: str | None) -> Finding:
    name = f"channel {platform.key}"
    group = None if proxy is None else address_group(proxy)
    async with open_http(proxy) as http:
        try:
            await fetch_socket_url(http, platform.server, platform.channel, proxy=group)
        except Disconnected as error:
            return problem(name, str(error), _ADVICE.get(error.cause, _ADVICE[Cause.UNREACHABLE]))
    return ok(name, f"{platform.server} tells where its socket is")


async def _clock(server: str, proxy: str | None, clock: Callable[[], float]) -> Finding:
    try:
        async with open_http(proxy) as http:
            before = clock()
            async with http.head(f"{server}/", timeout=_TIMEOUT) as response:
                took, headers = clock() - before, response.headers
        told = parsedate_to_datetime(headers["Date"]).timestamp() + float(headers.get("Age", 0))
    except (aiohttp.ClientError, TimeoutError, OSError, KeyError, ValueError, *PROXY_ERRORS):
        return ok("clock", f"not compared: {server} does not tell the time")
    # It is told in whole seconds, and was so somewhere between question and answer.
    ahead = before + took / 2 - (told + 0.5)
    off = max(0.0, abs(ahead) - 0.5 - took / 2)
    if off <= CLOCK_S:
        return ok("clock", f"agrees with {server}")
    direction = "ahead of" if ahead > 0 else "behind"
    return problem(
        "clock",
        f"this machine's clock is {off:.0f} s {direction} {server}",
        "let the system keep it right (systemd-timesyncd, chrony, or the settings of date and time)",
    )


def _not_tried(platform: Platform) -> Finding:
    return ok(
        f"login {platform.key}",
        "not tried: CyTube would end the connection of a bot that is there under the same name; --login tries it",
    )


class _Door:
    """Waits for what comes first: to be in the room under the own name, or a refusal."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.refused = asyncio.Event()

    def connecting(self) -> None:
        """Nothing is known yet."""

    def joined(self, emit: Emit) -> None:
        """The name is still missing."""

    def logged_in(self) -> None:
        """This is what was wanted."""
        self.opened.set()

    async def disconnected(self, cause: Cause | None, last_seen: float | None) -> None:
        """The client says why when it waits before it tries again."""

    async def wait_to_retry(self, _: float) -> None:
        """The client would wait before another attempt: this one has failed. Never returns."""
        self.refused.set()
        await asyncio.Event().wait()


async def _log_in(platform: Platform, proxy: str | None) -> Finding:
    name, door = f"login {platform.key}", _Door()
    client = CytubeClient(
        server=platform.server,
        channel=platform.channel,
        credentials=Credentials.of(platform),
        dispatcher=Dispatcher(platform.key),
        listener=door,
        proxy=proxy,
        sleep=door.wait_to_retry,
    )
    running = asyncio.create_task(client.run())
    ends = [asyncio.create_task(door.opened.wait()), asyncio.create_task(door.refused.wait())]
    await asyncio.wait(ends, timeout=LOGIN_S, return_when=asyncio.FIRST_COMPLETED)
    reason = client.state.problem or ""
    for task in (*ends, running):
        task.cancel()
    await asyncio.gather(*ends, running, return_exceptions=True)
    if door.opened.is_set():
        return ok(name, f"{platform.server} lets {platform.user or 'an anonymous user'} in")
    return problem(
        name,
        reason or f"no answer within {LOGIN_S:.0f} s",
        "check user, password and channel_password of this channel (platforms)",
    )
