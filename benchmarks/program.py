"""What the programs of a benchmark have in common: they report in lines of JSON and start when they are told to."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def say(**fields: Any) -> None:
    """Report one line of JSON to whoever started this program."""
    print(json.dumps(fields), flush=True)


async def told_to_go() -> None:
    """Wait for a line on standard input."""
    await asyncio.to_thread(sys.stdin.readline)


async def told() -> dict[str, Any]:
    """Wait for a line on standard input and return what it says; nothing for an empty one or the input's end."""
    line = await asyncio.to_thread(sys.stdin.readline)
    return dict(json.loads(line)) if line.strip() else {}


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run on the event loop that Rosey's services use."""
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)
