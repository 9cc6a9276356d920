"""The crowd as a part of the process `rosey-simulator`: its options, and its life in the rooms of a server."""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from rosey_simulator.crowd.crowd import DEFAULT_BOT, Crowd
from rosey_simulator.crowd.driver import run_live
from rosey_simulator.crowd.record import Record
from rosey_simulator.site import Site

log = logging.getLogger("rosey.simulator")


def add_options(parser: argparse.ArgumentParser) -> None:
    """The command-line options of the crowd."""
    group = parser.add_argument_group("crowd", "people who live in the channels; at SIGUSR1 they fall silent")
    group.add_argument("--crowd", action="store_true", help="let people come, chat and queue videos")
    group.add_argument("--seed", type=int, default=1, metavar="N", help="each number is another crowd (default: 1)")
    group.add_argument("--users", type=_count, default=30, metavar="N", help="people a channel (default: %(default)s)")
    group.add_argument(
        "--rate", type=_rate, default=5.0, metavar="ACTIONS_PER_S", help="in all channels (default: %(default)g)"
    )
    group.add_argument("--actions", type=_count, metavar="N", help="fall silent after so many (default: never)")
    group.add_argument("--record", type=Path, metavar="FILE", help="write down what happens, a JSON object a line")
    group.add_argument(
        "--bot", default=DEFAULT_BOT, metavar="NAME", help="whom moderators send commands (default: %(default)s)"
    )


@asynccontextmanager
async def live_crowd(site: Site, arguments: argparse.Namespace) -> AsyncIterator[None]:
    """Have the crowd live in all rooms of the site meanwhile, if one is asked for. Raises OSError for the record."""
    if not arguments.crowd:
        yield
        return
    with Record(arguments.record, keep=False) as record:
        crowd = Crowd(
            site,
            site.rooms,
            record,
            seed=arguments.seed,
            users=arguments.users,
            rate=arguments.rate,
            bot=arguments.bot,
        )
        silence = asyncio.Event()
        living = run_live(crowd, site.scheduler.clock, actions=arguments.actions, silence=silence)
        life = asyncio.create_task(living, name="crowd")
        life.add_done_callback(_report)
        try:
            with _told_to_be_silent(silence):
                yield
        finally:
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)


@contextmanager
def _told_to_be_silent(silence: asyncio.Event) -> Iterator[None]:
    """Heed SIGUSR1, where there is such a signal."""
    if not hasattr(signal, "SIGUSR1"):
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, silence.set)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGUSR1)


def _report(life: asyncio.Task[int]) -> None:
    if life.cancelled():
        return
    if life.exception() is None:
        log.info("the crowd has fallen silent after %d actions", life.result())
    else:
        log.error("the crowd has failed", exc_info=life.exception())


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"not a whole number above 0: {text!r}")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < math.inf:
        raise argparse.ArgumentTypeError(f"not a number above 0: {text!r}")
    return rate
