"""`helm test`: publish an event, wait until it is stored, ask for it, and look at the figures of it.

Says each step in a line; the exit code is 0 where all went well. Runs in the image of the database service.
"""

import asyncio
import os
import time
import urllib.request
import uuid
from collections.abc import Callable

from rosey_core import events, queries, subjects
from rosey_core.bus import Bus, BusError
from rosey_core.config import load

BOUND_S = 60.0
"""For each step: services that have just become ready may be refused for a moment."""
CHANNEL = os.environ["TEST_CHANNEL"]
DATABASE = os.environ["TEST_DATABASE"]
BOT = os.environ["TEST_BOT"]
STORED = f'rosey_database_events_stored_total{{subject="{subjects.MESSAGE_LOG}"}}'


def say(text: str) -> None:
    print(text, flush=True)


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


def figure(text: str, name: str) -> float | None:
    found = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{name} ")]
    return float(found[0]) if found else None


async def until(what: str, attempt: Callable) -> object:
    """The first result of ``attempt`` that is not None; what it raises meanwhile is told if it never comes."""
    end = time.monotonic() + BOUND_S
    problem = ""
    while time.monotonic() < end:
        try:
            found = await attempt()
            if found is not None:
                return found
        except (BusError, OSError, queries.RequestFailed) as error:
            problem = str(error)
        await asyncio.sleep(0.25)
    raise SystemExit(f"FAILED   {what}: not within {BOUND_S:g} s. {problem}")


async def main() -> None:
    bus = Bus(**load().nats.options(), name="rosey-test")
    await bus.start()
    try:
        await asyncio.wait_for(bus.wait_connected(), BOUND_S)
    except TimeoutError:
        raise SystemExit(f"FAILED   connect: {bus.problem}") from None
    say("ok       connected to NATS")

    text = f"helm test {uuid.uuid4()}"
    event = events.ChatMessage(username="helm-test", message=text, timestamp=time.time())
    subject = subjects.for_channel(subjects.MESSAGE_LOG, CHANNEL)

    async def publish() -> object:
        answer = await bus.request(subject, events.encode(event), 5)
        return answer if b'"seq"' in answer else None

    answer = await until("publish", publish)
    say(f"ok       published on {subject}: {answer.decode()}")

    async def ask() -> object:
        question = queries.RecentMessages(limit=20)
        reply = await bus.request(subjects.for_channel(question.SUBJECT, CHANNEL), queries.encode(question), 5)
        lines = queries.decode_reply(queries.RecentMessages, reply).messages
        return next((line for line in lines if line.message == text), None)

    await until("query", ask)
    say("ok       stored, and found by a query")

    async def count() -> object:
        return figure(await asyncio.to_thread(page, f"{DATABASE}/metrics"), STORED) or None

    stored = await until(f"metric {STORED}", count)
    say(f"ok       {STORED} is {stored:g}")

    async def bot() -> object:
        text = await asyncio.to_thread(page, f"{BOT}/metrics")
        return figure(text, "rosey_bot_outbox_dropped_total")

    dropped = await until("the bot's metrics", bot)
    say(f"ok       the bot has dropped {dropped:g} events")
    await bus.close()
    say("PASSED   publish, store, query, metrics")


asyncio.run(main())
