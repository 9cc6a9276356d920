"""``rosey up``: its options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from rosey_cli import terminal
from rosey_cli.up.options import Options

_DURATION: Final = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>ms|s|m|h)?")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration(text: str) -> float:
    """Seconds from ``20s``, ``1.5m``, ``2h``, ``500ms`` or a plain number of seconds.

    Raises:
        typer.BadParameter: it is none of these.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None or not float(found["number"]):
        raise typer.BadParameter(f"{text!r} is no duration: a number with ms, s, m or h, like 20s")
    return float(found["number"]) * _UNITS[found["unit"] or "s"]


def up(
    file: Annotated[
        Path | None, typer.Argument(metavar="CONFIG", help="Configuration file, JSON or YAML.", show_default=False)
    ] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="The same, as an option.")] = None,
    channel: Annotated[
        str | None, typer.Option(metavar="NAME", help="A channel: https://cytu.be/r/NAME, or a name on cytu.be.")
    ] = None,
    user: Annotated[
        str | None, typer.Option(metavar="NAME", help="Log in to the channel by this name; without it the bot watches.")
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Has the account's password in it; without it: as a guest.")
    ] = None,
    recording: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Play what a CyTube server once sent, and end with it.")
    ] = None,
    speed: Annotated[float, typer.Option(min=0.01, help="How many times as fast the recording is played.")] = 1.0,
    seconds: Annotated[
        float | None,
        typer.Option("--for", parser=duration, metavar="TIME", help="End by itself after this long: 20s, 5m."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a report as one JSON object in the end; exit 1 where it is bad.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where everything is kept (default: in your data directory).")
    ] = None,
    nats_port: Annotated[int, typer.Option(min=0, max=65535, help="Port for NATS; 0 for any that is free.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the simulated crowd: the same people do the same.")] = 1,
    rate: Annotated[float, typer.Option(min=0.0, help="What the simulated crowd does a second; 0: no crowd.")] = 5.0,
    observe: Annotated[
        bool, typer.Option("--observe", help="Write a prometheus.yml for these processes, and say how to use it.")
    ] = False,
) -> None:
    """Run a whole Rosey on this machine: nats-server, the database service and the bot.

    Without a channel, a configuration or a recording the bot sits in a simulated channel with a crowd in it.
    """

    def work() -> int:
        # What runs processes takes long to import: other commands, and --help, do without.
        from rosey_cli.up import start

        options = Options(
            configs=[path for path in (file, config) if path is not None],
            channel=channel,
            user=user,
            password_file=password_file,
            recording=recording,
            speed=speed,
            seconds=seconds,
            as_json=as_json,
            data=data,
            nats_port=nats_port,
            seed=seed,
            rate=rate,
            observe=observe,
        )
        return start.up(options)

    terminal.guarded(work)
