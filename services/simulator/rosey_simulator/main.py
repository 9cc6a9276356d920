"""The process `rosey-simulator`: a simulated CyTube site, or a recording that is played."""

from __future__ import annotations

import argparse
import asyncio
import logging
import math
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from rosey_simulator.crowd.crowd import DEFAULT_BOT, Crowd
from rosey_simulator.crowd.driver import run_live
from rosey_simulator.crowd.record import Record
from rosey_simulator.server import SimulatorServer

log = logging.getLogger("rosey.simulator")


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="rosey-simulator",
        description="A CyTube site on this machine, to try a bot against.",
    )
    result.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    result.add_argument("--port", type=int, default=8080, help="port to listen on, 0 for a free one")
    result.add_argument(
        "--channel", action="append", metavar="NAME", help="a registered channel; may be given again (default: demo)"
    )
    crowd = result.add_argument_group("crowd", "people who live in the channels")
    crowd.add_argument("--crowd", action="store_true", help="let people come, chat and queue videos")
    crowd.add_argument("--seed", type=int, default=1, help="another number is another crowd (default: %(default)s)")
    crowd.add_argument("--users", type=int, default=30, help="people for each channel (default: %(default)s)")
    crowd.add_argument(
        "--rate", type=positive, default=5.0, metavar="ACTIONS_PER_S", help="in all channels (default: %(default)g)"
    )
    crowd.add_argument("--actions", type=int, metavar="N", help="fall silent after so many (default: never)")
    crowd.add_argument("--record", type=Path, metavar="FILE", help="write down what happens, a JSON object a line")
    crowd.add_argument(
        "--bot", default=DEFAULT_BOT, metavar="NAME", help="whom moderators command (default: %(default)s)"
    )
    return result


def positive(text: str) -> float:
    """A number above zero. Raises ValueError for anything else."""
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError(text)
    return number


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = SimulatorServer(arguments.host, arguments.port)
    for name in arguments.channel or ["demo"]:
        server.add_channel(name)
    await server.start()
    log.info("listening on %s", server.url)
    try:
        async with live_crowd(server, arguments):
            await stop.wait()
    finally:
        await server.stop()


@asynccontextmanager
async def live_crowd(server: SimulatorServer, arguments: argparse.Namespace) -> AsyncIterator[None]:
    """Have the crowd live in all rooms of the server meanwhile, if one is asked for."""
    if not arguments.crowd:
        yield
        return
    site = server.site
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
        life = asyncio.create_task(run_live(crowd, site.scheduler.clock, actions=arguments.actions))
        life.add_done_callback(_report)
        try:
            yield
        finally:
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)


def _report(life: asyncio.Task[int]) -> None:
    if life.cancelled():
        return
    if life.exception() is None:
        log.info("the crowd has fallen silent after %d actions", life.result())
    else:
        log.error("the crowd has failed", exc_info=life.exception())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process. Returns its exit code."""
    arguments = parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    asyncio.run(serve(arguments))
    return 0
