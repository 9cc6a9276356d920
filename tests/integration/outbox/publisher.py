"""A process that publishes and tells each id and its time on stdout, to be killed by a test.

Arguments: the server's URL, the spool's directory, events a second.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from rosey_bot.publish.outbox import Outbox
from rosey_core.bus import Bus
from rosey_core.events import ChatMessage
from rosey_core.identity import uuid7


async def publish_until_killed(url: str, spool: str, rate: float) -> None:
    bus = Bus(url, name="publisher")
    outbox = Outbox(bus, spool_directory=Path(spool))
    await bus.start()
    await outbox.start()
    began = time.monotonic()
    number = 0
    while True:
        while number < (time.monotonic() - began) * rate:
            event = ChatMessage(channel=f"room{number % 3}", id=uuid7(), username="anna", message=str(number))
            outbox.publish(event)
            # One write a line, to a pipe: it is there whole or not at all, whenever this process is killed.
            os.write(1, f"{event.id} {event.channel} {time.monotonic():.6f}\n".encode())
            number += 1
        await asyncio.sleep(0.002)


if __name__ == "__main__":
    asyncio.run(publish_until_killed(sys.argv[1], sys.argv[2], float(sys.argv[3])))
