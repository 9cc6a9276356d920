"""Whether NATS can be reached, and why not, for those who ask once and do not wait for ever."""

from __future__ import annotations

import asyncio
import time
from typing import Final

from rosey_core.bus import Bus

_LOOK_S: Final = 0.02
_REFUSED: Final = ("authorization violation", "authentication", "permissions", "nkeys", "user credentials")


async def reach(bus: Bus, timeout: float) -> str | None:
    """Wait for the connection of a bus that is started; returns why there is none, ``None`` where there is.

    A refused login is told at once: to wait would mend it only where somebody changes the password at this moment.

    Args:
        timeout: seconds.
    """
    connected = asyncio.ensure_future(bus.wait_connected())
    deadline = time.monotonic() + timeout
    reason = "no answer"
    try:
        # A server that refuses hangs up at once, and its refusal is not read each time.
        while not is_refusal(reason) and time.monotonic() < deadline:
            await asyncio.wait({connected}, timeout=_LOOK_S)
            if connected.done():
                return None
            reason = (bus.problem or reason).removeprefix("not connected to NATS: ")
        return reason
    finally:
        connected.cancel()


def is_refusal(reason: str) -> bool:
    """Whether NATS is there, and does not let in who asks."""
    return any(word in reason.lower() for word in _REFUSED)


def described(url: str, reason: str) -> str:
    """What is wrong, in a sentence without a full stop."""
    return f"NATS at {url} {'refuses the login' if is_refusal(reason) else 'cannot be reached'}: {reason}"


def advice(reason: str) -> str:
    """What to do about it where the configuration says how to reach NATS."""
    if is_refusal(reason):
        return "check nats.user and nats.password, nats.token or nats.creds"
    return "start nats-server (nats-server -js), or check nats.url and what stands between"


async def problem(bus: Bus, url: str, timeout: float) -> str | None:
    """What keeps a bus that is started from ``url``, and what to do; ``None`` where nothing does.

    Args:
        timeout: seconds.
    """
    reason = await reach(bus, timeout)
    return None if reason is None else f"{described(url, reason)}: {advice(reason)}"
