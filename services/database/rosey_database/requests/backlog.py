"""Events that wait in the stream, and may tell what became of messages: until they are read none is given away."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final

_POLL_S: Final = 0.02


async def wait_read(is_behind: Callable[[], bool], seconds: float = math.inf) -> bool:
    """Wait until they are read, so many seconds at most; returns whether they are."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while is_behind():
        if loop.time() > deadline:
            return False
        await asyncio.sleep(_POLL_S)
    return True
