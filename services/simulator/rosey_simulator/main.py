"""The process `rosey-simulator`: a simulated CyTube site, or a recording that is played."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from collections.abc import Sequence

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
    return result


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
        await stop.wait()
    finally:
        await server.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process. Returns its exit code."""
    arguments = parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    asyncio.run(serve(arguments))
    return 0
