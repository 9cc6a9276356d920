"""The process `rosey-simulator`: a simulated CyTube site, or a recording that is played."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

from rosey_simulator.crowd import process as crowd
from rosey_simulator.recording import RecordingError, RecordingServer
from rosey_simulator.server import SimulatorServer
from rosey_simulator.site import CHANNEL_NAME

log = logging.getLogger("rosey.simulator")


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="rosey-simulator",
        description="A CyTube site on this machine, to try a bot against.",
    )
    result.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    result.add_argument("--port", type=_port, default=8080, help="port, 0 for a free one (default: %(default)s)")
    result.add_argument(
        "--channel",
        action="append",
        type=_channel,
        metavar="NAME",
        help="a registered channel; may be given again (default: demo)",
    )
    result.add_argument(
        "--accounts", type=_accounts, metavar="FILE", default={}, help="who has an account: JSON, passwords by name"
    )
    result.add_argument("--recording", type=Path, metavar="FILE", help="play a recording instead, and end with it")
    result.add_argument("--client", default="bot", metavar="LABEL", help="whose frames to play (default: %(default)s)")
    result.add_argument("--speed", type=_speed, default=1.0, metavar="N", help="how many times faster to play")
    crowd.add_options(result)
    return result


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT, or until the recording has been played. Raises OSError, RecordingError."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    server: SimulatorServer | RecordingServer
    ends = [loop.create_task(stop.wait())]
    async with contextlib.AsyncExitStack() as process, contextlib.AsyncExitStack() as company:
        for number in (signal.SIGTERM, signal.SIGINT):
            # Not loop.add_signal_handler, which Windows does not have.
            before = signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
            process.callback(signal.signal, number, before)
        if arguments.recording is not None:
            server = RecordingServer(
                arguments.recording, arguments.client, arguments.speed, arguments.host, arguments.port
            )
            ends.append(loop.create_task(server.done.wait()))
        else:
            server = SimulatorServer(arguments.host, arguments.port)
            for name in arguments.channel or ["demo"]:
                server.add_channel(name)
            for name, password in arguments.accounts.items():
                server.add_account(name, password)
            await company.enter_async_context(crowd.live_crowd(server.site, arguments))
        await server.start()
        log.info("listening on %s", server.url)
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for end in ends:
                end.cancel()
            # What the crowd's record has was heard: who ends this process may hold a bot to it.
            await company.aclose()
            if isinstance(server, SimulatorServer):
                await server.drain()
            await server.stop()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the process. Returns its exit code: 0, or 1 where it cannot serve."""
    arguments = parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    try:
        asyncio.run(serve(arguments))
    except (OSError, RecordingError) as error:
        log.error("%s", error)
        return 1
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"not a port: {text!r}")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not speed > 0:
        raise argparse.ArgumentTypeError(f"not a number above 0: {text!r}")
    return speed


def _accounts(path: str) -> dict[str, str]:
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{path} cannot be read: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(password, str) for password in found.values()):
        raise argparse.ArgumentTypeError(f"{path} holds no passwords by name")
    return found


def _channel(text: str) -> str:
    if not CHANNEL_NAME.fullmatch(text):
        raise argparse.ArgumentTypeError(f"not a channel name: {text!r}")
    return text
