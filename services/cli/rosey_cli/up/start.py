"""From the options of ``rosey up`` to a run, and from its outcome to an exit code."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from rosey_cli import terminal
from rosey_cli.data_directory import DEMO, MAIN, RECORDINGS, DataDirectory, home
from rosey_cli.failure import Failure
from rosey_cli.up import configuration, report
from rosey_cli.up.observation import Observation
from rosey_cli.up.options import Options
from rosey_cli.up.outcome import Outcome
from rosey_cli.up.output import Output, Plain
from rosey_cli.up.run import Plan, Run, Site
from rosey_cli.up.view import LiveView
from rosey_core.config import Config
from rosey_core.service import BAD_CONFIGURATION


def up(options: Options) -> int:
    """Run a whole Rosey; returns the exit code.

    Raises:
        Failure: it cannot be run.
    """
    plan = make_plan(options)
    directory = DataDirectory((options.data or _default_directory(options, plan)).expanduser().absolute())
    directory.acquire()
    try:
        return _run(plan, directory, as_json=options.as_json)
    finally:
        directory.release()


def make_plan(options: Options) -> Plan:
    """What these options ask for.

    Raises:
        Failure: they contradict each other, or name something that cannot be used.
    """
    _refuse_contradictions(options)
    config = _configured(options)
    return Plan(
        config=config,
        load=lambda: _configured(options),
        site=_site(options, config),
        nats_port=options.nats_port,
        seconds=options.seconds,
        audits=options.as_json or options.seconds is not None or options.recording is not None,
        watches=not options.as_json,
        observed=options.observe,
    )


def _configured(options: Options) -> Config:
    config = configuration.from_file(next(iter(options.configs), None))
    if options.channel is not None:
        return configuration.with_channel(config, options.channel, options.user, options.password_file)
    if options.configs and not config.channels:
        raise Failure(f"{options.configs[0]}: 'platforms' has no channel that is enabled", BAD_CONFIGURATION)
    return config


def _refuse_contradictions(options: Options) -> None:
    if len(options.configs) > 1:
        raise Failure("the configuration is given twice: as an argument and with --config", BAD_CONFIGURATION)
    if options.recording is not None and (options.configs or options.channel is not None):
        raise Failure("--recording plays a channel of its own: leave --channel and --config out", BAD_CONFIGURATION)
    if (options.user is not None or options.password_file is not None) and options.channel is None:
        raise Failure("--user and --password-file belong to --channel", BAD_CONFIGURATION)


def _site(options: Options, config: Config) -> Site | None:
    if options.recording is not None:
        path = options.recording.expanduser().absolute()
        if not path.is_file():
            raise Failure(f"--recording: there is no file {path}", BAD_CONFIGURATION)
        return Site(options=("--recording", str(path), "--speed", str(options.speed)), ends=True)
    if config.channels:
        return None
    here = ("--channel", configuration.DEMO_CHANNEL)
    if not options.rate:
        return Site(options=here)
    crowd = ("--crowd", "--seed", str(options.seed), "--rate", str(options.rate), "--bot", configuration.DEMO_USER)
    return Site(options=(*here, *crowd), has_crowd=True)


def _default_directory(options: Options, plan: Plan) -> Path:
    if options.recording is not None:
        return home() / RECORDINGS / f"{options.recording.stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    return home() / (MAIN if plan.site is None else DEMO)


def _run(plan: Plan, directory: DataDirectory, *, as_json: bool) -> int:
    stream = terminal.Stream(sys.stderr if as_json else sys.stdout)
    out = terminal.console(stream)
    output: Output = Plain(out)
    if terminal.shows_pictures(out) and not as_json:
        output = LiveView(out, _title(plan, directory))

    async def run() -> Outcome:
        work = Run(plan, directory, output)
        # Who pipes the output into a program that ends wants no more of it.
        stream.when_gone = work.ask_to_stop
        return await work()

    outcome = asyncio.run(run())
    account = outcome.reconciliation
    if as_json:
        line = json.dumps(report.as_object(outcome.snapshot, account, data=directory.path))
        terminal.console(terminal.Stream(sys.stdout)).print(line, soft_wrap=True)
        return report.verdict(account)
    if account is not None:
        for line in report.as_lines(account):
            out.print(line, soft_wrap=True)
    return report.verdict(account) if plan.audits else 0


def _title(plan: Plan, directory: DataDirectory) -> str:
    # The lines that were printed before are out of sight behind the picture.
    metrics = f"; {Observation(directory).command}" if plan.observed else ""
    return _what_runs(plan) + metrics


def _what_runs(plan: Plan) -> str:
    if plan.site is None:
        return ", ".join(f"{platform.server}/r/{platform.channel}" for platform in plan.config.channels)
    return "a recording" if plan.site.ends else "a simulated channel"
