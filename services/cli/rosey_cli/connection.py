"""The way to a Rosey's NATS: the one that was named, else that of the ``rosey up`` that runs here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar

import msgspec
import nats.errors
import typer
from nats.js.errors import ServiceUnavailableError

from rosey_cli import terminal
from rosey_cli.data_directory import DataDirectory, held_directories
from rosey_cli.failure import Failure
from rosey_core import queries, reachability, streams, subjects
from rosey_core.bus import Bus, BusError, NoResponders
from rosey_core.channels import InvalidChannelKey, channel_key
from rosey_core.config import ConfigError, load
from rosey_core.config.nats import Nats
from rosey_core.service import BAD_CONFIGURATION
from rosey_core.telemetry import logs

CONNECT_S: Final = 5.0
ANSWER_S: Final = 5.0

NatsOption = Annotated[
    str | None,
    typer.Option(
        "--nats", metavar="URL", help="NATS (default: what ROSEY_NATS__URL says, else that of the rosey up here)."
    ),
]
DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The data directory of the rosey up that is meant.")
]
ChannelOption = Annotated[
    str | None, typer.Option("--channel", metavar="NAME", help="The channel (default: the default channel).")
]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a Rosey is.

    Attributes:
        nats: how to reach it.
        directory: its data directory, ``None`` where only NATS is known.
    """

    nats: Nats
    directory: DataDirectory | None = None


def find(url: str | None, data: Path | None) -> Address:
    """Find the Rosey that is meant: by ``--nats``, by ``--data``, by the environment, or the only one that runs here.

    Who logs in to a named NATS the environment says, unless the address does.

    Raises:
        Failure: there is none, or more than one.
    """
    if url is None and data is not None:
        return _of_directory(DataDirectory(data.expanduser().absolute()))
    try:
        config = load()
    except ConfigError as error:
        raise Failure(str(error), BAD_CONFIGURATION) from None
    if url is not None:
        return Address(nats=_nats(url, config.nats))
    if "url" in config.nats.model_fields_set:
        return Address(nats=config.nats)
    here = held_directories()
    if not here:
        raise Failure("no rosey up runs here: start one, or name NATS with --nats URL")
    if len(here) > 1:
        paths = "\n".join(f"  --data {directory.path}" for directory in here)
        raise Failure(f"more than one rosey up runs here; name one of them:\n{paths}")
    return _of_directory(here[0])


def _nats(url: str, environment: Nats) -> Nats:
    try:
        named = Nats(url=url)
    except ValueError:
        # Not what may be a name and a password before the host.
        shown = url.rpartition("@")[2]
        raise Failure(
            f"--nats: {shown!r} is no address of a NATS server, like nats://localhost:4222", BAD_CONFIGURATION
        ) from None
    login = named.login()
    logs.hide(secret for key, secret in login.items() if key != "user")
    if login:
        return named.model_copy(update={"ca": environment.ca})
    return environment.model_copy(update={"url": named.url})


def _of_directory(directory: DataDirectory) -> Address:
    running = directory.running() if directory.is_held() else None
    if running is None or not running.nats_url:
        raise Failure(f"no rosey up is at work on {directory.path}: start one, or name NATS with --nats URL")
    return Address(nats=Nats(url=running.nats_url), directory=directory)


@asynccontextmanager
async def connected(address: Address) -> AsyncIterator[Bus]:
    """A connection for the time of the block.

    Raises:
        Failure: NATS cannot be reached.
    """
    # The failure says what the log would.
    logging.getLogger(Bus.__module__).setLevel(logging.CRITICAL)
    bus = Bus(**address.nats.options(), name="rosey")
    await bus.start()
    try:
        reason = await reachability.reach(bus, CONNECT_S)
        if reason is not None:
            raise unreachable(address.nats.url, reason)
        yield bus
    finally:
        await bus.close()


def unreachable(url: str, reason: str) -> Failure:
    """The failure that there is no connection, and what to do."""
    advice = "Start it, or name another with --nats URL."
    if reachability.is_refusal(reason):
        advice = "Set ROSEY_NATS__USER and ROSEY_NATS__PASSWORD, or ROSEY_NATS__TOKEN, to what it knows."
    return Failure(f"{reachability.described(url, reason)}\n{advice}")


def run(address: Address, work: Callable[[Bus], Awaitable[T]]) -> T:
    """Connect, work, and close; what NATS refuses is a failure.

    Raises:
        Failure: NATS cannot be reached, or something was not answered.
    """

    async def connect_and_work() -> T:
        async with connected(address) as bus:
            return await work(bus)

    try:
        return asyncio.run(connect_and_work())
    except NoResponders as error:
        raise Failure(f"{error}: is the DatabaseService running?") from None
    except ServiceUnavailableError:
        raise Failure(streams.NO_JETSTREAM) from None
    except (BusError, nats.errors.Error) as error:
        raise Failure(str(error) or type(error).__name__) from None


def guarded(url: str | None, data: Path | None, work: Callable[[Bus], Awaitable[None]]) -> NoReturn:
    """Work on the Rosey that is meant, and end the command; a failure is said.

    Raises:
        typer.Exit: always.
    """

    def find_and_work() -> int:
        run(find(url, data), work)
        return 0

    terminal.guarded(find_and_work)


async def ask(bus: Bus, question: queries.Request, channel: str | None) -> Any:
    """Ask the database service; returns the reply.

    Raises:
        Failure: it says why it could not answer.
        BusError: there was no answer.
    """
    subject = subjects.for_channel(question.SUBJECT, key(channel))
    try:
        return queries.decode_reply(type(question), await bus.request(subject, queries.encode(question), ANSWER_S))
    except queries.RequestFailed as failure:
        raise Failure(str(failure)) from None


def key(channel: str | None, option: str = "--channel") -> str | None:
    """The key of a channel that a person named by an option.

    Raises:
        Failure: it is no channel's name.
    """
    if channel is None:
        return None
    try:
        return channel_key(channel)
    except InvalidChannelKey as error:
        raise Failure(f"{option}: {error}", BAD_CONFIGURATION) from None


def as_json(reply: Any) -> str:
    """A reply as JSON on one line."""
    return msgspec.json.encode(reply).decode()
