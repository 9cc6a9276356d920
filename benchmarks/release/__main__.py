"""``python -m benchmarks.release``, which ``rosey bench release`` is: measures a release that is installed.

Exit code 1 where a requirement is missed by more than a fifth, or an event was lost or doubled.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks import archive, interruption, program
from benchmarks.names import NAMES
from benchmarks.otlp_receiver import OtlpReceiver
from benchmarks.release import configmap, results
from benchmarks.release.configmap import Cluster, NotWritten
from benchmarks.release.exposition import Exposition
from benchmarks.release.extent import Extent
from benchmarks.release.reading import Endpoints, Prometheus
from benchmarks.release.suite import take
from benchmarks.release.target import Release, Unusable
from benchmarks.release.witness import Witness
from rosey_core.channels import is_channel_key
from rosey_core.config import ConfigError, Nats, load

UNUSABLE = 2
LISTEN = "0.0.0.0"
"""Whoever sends traces, or scrapes, does so from another pod."""


async def measure(options: argparse.Namespace, nats: Nats) -> int:
    """Run, tell and keep; returns the exit code."""
    endpoints = Endpoints(options.metrics) if options.metrics else None
    prometheus = Prometheus(options.prometheus, options.selector) if options.prometheus else None
    witness = None
    receiver = None
    async with AsyncExitStack() as stack:
        exposition = Exposition(options.expose)
        await stack.enter_async_context(exposition)
        if options.traces:
            receiver = OtlpReceiver(LISTEN, options.traces)
            await receiver.start()
            stack.push_async_callback(receiver.stop)
        told = prometheus or endpoints
        if options.agree:
            if told is None:
                raise Unusable("--agree: with whom? Name --metrics or --prometheus")
            witness = Witness(told, receiver)
        begun = time.monotonic()
        async with Release(nats, channel=options.channel) as release:
            print(f"channel {release.channel}: its lines stay until retention takes them, its users stay", flush=True)
            outcomes = await take(
                release,
                Extent(rate=options.rate, seconds=options.duration),
                endpoints or prometheus,
                witness=witness,
                only=options.only or (),
                finished=exposition.show,
            )
        data = results.as_data(outcomes, time.monotonic() - begun)
        print(f"\n{data[results.SUMMARY]}", flush=True)
        if options.output is not None:
            options.output.mkdir(parents=True, exist_ok=True)
            for name in (archive.LATEST, archive.TABLE):
                (options.output / name).write_text(data[name], newline="")
        if options.configmap is not None:
            await configmap.write(Cluster.of_this_pod(), options.configmap, data)
        await exposition.linger(options.linger)
    return 1 if results.has_failed(outcomes, loss_only=options.loss_only) else 0


def main() -> int:
    """Run; returns the exit code."""
    options = _options()
    if options.nats is not None:
        os.environ["ROSEY_NATS__URL"] = options.nats
    try:
        return program.run(measure(options, load().nats))
    except (ConfigError, Unusable, NotWritten) as error:
        print(f"rosey bench release: {error}", file=sys.stderr)
        return UNUSABLE


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="rosey bench release",
        description="Measure a release that is installed, over its NATS; one to three minutes.",
        epilog="ROSEY_NATS__USER, ROSEY_NATS__PASSWORD, ROSEY_NATS__CREDS and the like say how to log in.",
    )
    add = parser.add_argument
    add("--nats", metavar="URL", help="where NATS is (default: ROSEY_NATS__URL, then nats://localhost:4222)")
    add("--only", action="append", choices=NAMES, metavar="NAME", help="this benchmark; may be given again")
    add("--rate", type=_positive, default=1000.0, metavar="N", help="events a second of the load that is held (1000)")
    add("--duration", type=_positive, default=10.0, metavar="S", help="seconds of each load (10)")
    add("--channel", type=_channel, metavar="KEY", help="what to publish in (default: one of its own, bench-...)")
    add("--metrics", action="append", metavar="URL", help="where a process serves its metrics; may be given again")
    add("--prometheus", metavar="URL", help="a Prometheus that scrapes them")
    add("--selector", default="", metavar="TEXT", help='which of its series are this release\'s: namespace="rosey"')
    add("--loss-only", action="store_true", help="exit 1 for what was lost or does not agree, not for what was slow")
    add("--agree", action="store_true", help="metrics and traces must tell what was measured; of a release at rest")
    add("--traces", type=_port, metavar="PORT", help="with --agree: receive the release's traces here, by OTLP on HTTP")
    add("--expose", type=_port, metavar="PORT", help="serve the figures as metrics")
    add("--linger", type=float, default=0.0, metavar="S", help="go on serving them for so long (0)")
    add("--output", type=Path, metavar="DIR", help="where latest.json and latest.csv go")
    add("--configmap", metavar="NAME", help="in a pod: the ConfigMap of its namespace that takes the results")
    return parser.parse_args()


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port < 1 << 16:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return port


def _channel(text: str) -> str:
    if not is_channel_key(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no channel key: small letters, digits, - and _")
    return text


if __name__ == "__main__":
    sys.exit(interruption.guarded(main))
