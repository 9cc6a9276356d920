"""Answers requests with what was asked, and does nothing else: the bound of request and reply over NATS."""

from __future__ import annotations

import argparse
from typing import Final

import nats
from nats.aio.msg import Msg

from benchmarks import program

SUBJECT: Final = "benchmark.echo"


async def echo(options: argparse.Namespace) -> None:
    """Answer; reports ``ready``, ends when told to."""
    client = await nats.connect(options.nats)

    async def answer(message: Msg) -> None:
        await message.respond(message.data)

    await client.subscribe(SUBJECT, cb=answer)
    await client.flush()
    program.say(ready=True)
    await program.told_to_go()
    await client.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.echo", description=__doc__)
    parser.add_argument("--nats", required=True)
    program.run(echo(parser.parse_args()))


if __name__ == "__main__":
    main()
