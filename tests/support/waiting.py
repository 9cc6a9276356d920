"""Waiting for a condition, with a bound: never a sleep that hopes."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any


async def until(
    condition: Callable[[], Any | Awaitable[Any]], *, timeout: float = 10.0, poll: float = 0.005, what: str = ""
) -> Any:
    """Return the first true result of ``condition`` (plain or async), asked every ``poll`` seconds.

    Raises:
        TimeoutError: it was not true within ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        result = condition()
        if inspect.isawaitable(result):
            result = await result
        if result:
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"not true within {timeout:g} s: {what or inspect.getsource(condition).strip()}")
        await asyncio.sleep(poll)
