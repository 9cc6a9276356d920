"""One run of ``rosey up``, from the first process started to the last one ended."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry

from rosey_cli.data_directory import DataDirectory, Running
from rosey_cli.up import configuration
from rosey_cli.up.audit import Audit
from rosey_cli.up.child import State
from rosey_cli.up.journal import Journal, Level, logged_to
from rosey_cli.up.monitor import BOT, DATABASE, INTERVAL_S, Monitor
from rosey_cli.up.observation import Observation
from rosey_cli.up.outcome import Outcome
from rosey_cli.up.output import Output
from rosey_cli.up.programs import NatsServer, Service, Simulator, check_port
from rosey_cli.up.signals import handled
from rosey_cli.up.snapshot import Snapshot
from rosey_cli.up.supervisor import Supervisor
from rosey_cli.up.watcher import Watcher
from rosey_core.bus import Bus
from rosey_core.config import Config
from rosey_core.config.models import NOT_IN_A_FILE
from rosey_core.config.reload import Reload

SIMULATOR: Final = "rosey-simulator"

LEFTOVERS_S: Final = 20.0
IN_ROOM_S: Final = 15.0
"""How long the clock of ``--for`` waits for the bot to be in its channels."""
DRAIN_S: Final = 10.0
FRAME_S: Final = 0.25

_UNUSED: Final = ("nats", "health")
_SECTIONS: Final = tuple(Config.model_fields.keys() - {"legacy", *NOT_IN_A_FILE, *_UNUSED})


@dataclass(frozen=True, kw_only=True)
class Site:
    """A simulated site instead of a real one.

    Attributes:
        options: of rosey-simulator, beside where to listen.
        channel: on it.
        has_crowd: whether there is one, which can write down what it does.
        ends: whether the run is over when the simulator has nothing more to show.
    """

    options: tuple[str, ...]
    channel: str = configuration.DEMO_CHANNEL
    has_crowd: bool = False
    ends: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to run.

    Attributes:
        config: what the person configured.
        load: reads that again.
        site: a simulated site; with ``None`` the bot goes where ``config`` says.
        nats_port: 0 for any that is free.
        seconds: the run ends by itself after this long; ``None``: it does not.
        audits: whether to compare stream and database at the end.
        watches: whether to listen to the channels' events.
        observed: whether to write what a Prometheus needs.
    """

    config: Config
    load: Callable[[], Config]
    site: Site | None
    nats_port: int = 0
    seconds: float | None = None
    audits: bool = False
    watches: bool = True
    observed: bool = False


class Run:
    """One run, to be used once.

    Args:
        plan: what to run.
        directory: held by this process.
        output: shows what happens.
    """

    def __init__(self, plan: Plan, directory: DataDirectory, output: Output) -> None:
        self._plan = plan
        self._directory = directory
        self._output = output
        self._journal = Journal(output.entry)
        self._supervisor = Supervisor(self._journal, self._write_running)
        self._nats = NatsServer(
            store=directory.stream_store,
            run=directory.ready_files,
            log_file=self._log("nats-server"),
            port=plan.nats_port,
        )
        self._bus: Bus | None = None
        self._monitor: Monitor | None = None
        self._observation = Observation(directory) if plan.observed else None
        self._audit = self._make_audit()
        self._stop = asyncio.Event()
        self._impatient = asyncio.Event()
        self._place: Callable[[Config], Config] = lambda config: config
        # The processes look at their own file, and tell themselves what of a change they apply.
        self._reload = Reload(plan.config, plan.load, CollectorRegistry(), log_with=lambda level, format: None)
        self._reloading: asyncio.Task[None] | None = None

    async def __call__(self) -> Outcome:
        """Run until the end that the plan says, a signal, or a failure; no process is left.

        Raises:
            Failure: a program cannot be run.
        """
        with handled(self.ask_to_stop, self._end_at_once, self._ask_to_reload), logged_to(self._journal):
            try:
                if await self._until_stopped(self._begin()) and self._monitor is not None:
                    self._output.begin()
                    await self._until_stopped(self._work(self._monitor))
                return await self._finish()
            finally:
                self._output.end()
                if self._reloading is not None:
                    self._reloading.cancel()
                if self._bus is not None:
                    await self._bus.close()
                await self._supervisor.stop()

    def ask_to_stop(self) -> None:
        """End in good order; to be called in the event loop."""
        self._stop.set()

    def _ask_to_reload(self) -> None:
        self._journal.say("rosey", "the configuration is read again")
        self._reload.ask()

    async def _hand_on(self, config: Config) -> None:
        self._write_configuration(config)
        self._journal.say("rosey", "the configuration has changed, and the processes are given the new one")

    def _write_configuration(self, config: Config) -> None:
        configuration.write(self._place(config), self._directory, nats_url=self._nats.url)

    def _log(self, name: str) -> Path:
        return self._directory.logs / f"{name}.log"

    def _write_running(self) -> None:
        self._directory.write_running(
            Running(pid=os.getpid(), nats_url=self._nats.url, processes=self._supervisor.processes)
        )

    def _end_at_once(self) -> None:
        self._impatient.set()
        self._supervisor.kill()

    async def _until_stopped(self, work: Coroutine[Any, Any, None]) -> bool:
        """Work until it is done or a signal comes; returns whether it was done."""
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if task.done():
            task.result()
            return not self._stop.is_set()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return False

    async def _begin(self) -> None:
        for note in configuration.unused(self._plan.config):
            self._journal.say("rosey", note, Level.WARNING)
        await self._wait_for_leftovers()
        self._audit.begin()
        if self._plan.nats_port:
            check_port(self._plan.nats_port)
        simulator = None
        if self._plan.site is not None:
            site = self._plan.site
            options = list(site.options)
            if self._writes_record:
                options += ["--record", str(self._directory.crowd_record)]
            simulator = Simulator(log_file=self._log(SIMULATOR), options=options, may_finish=site.ends)
            self._place = partial(configuration.simulated, site=simulator.url, channel=site.channel)
        await self._supervisor.start(self._nats)
        self._write_configuration(self._plan.config)
        self._reload.offer(self._hand_on, _SECTIONS, unused=_UNUSED)
        self._reloading = asyncio.create_task(self._reload.run(), name="reload")
        self._journal.say("rosey", f"data in {self._directory.path}, NATS at {self._nats.url}")
        if self._observation is not None:
            self._observation.begin()
            self._journal.say("rosey", f"metrics: {self._observation.command}")
        self._bus = Bus(self._nats.url, name="rosey up")
        watcher = Watcher(self._bus) if self._plan.watches else None
        await self._bus.start()
        await self._supervisor.start(self._service(DATABASE), *([] if simulator is None else [simulator]))
        # The bot comes last: its first attempt finds the site, and its first event the stream.
        await self._supervisor.start(self._service(BOT))
        self._monitor = Monitor(
            self._supervisor.children, self._journal, channels=None if watcher is None else watcher.channels
        )
        self._write_running()

    @property
    def _writes_record(self) -> bool:
        # Without an end the record would fill the disk.
        return self._plan.audits and self._plan.site is not None and self._plan.site.has_crowd

    def _make_audit(self) -> Audit:
        return Audit(
            configuration.database_path(self._plan.config, self._directory),
            self._journal,
            crowd_record=self._directory.crowd_record if self._writes_record else None,
            room=configuration.DEMO_CHANNEL,
            bot=configuration.DEMO_USER,
            follows_crowd=frozenset({SIMULATOR, BOT}),
        )

    async def _wait_for_leftovers(self) -> None:
        names = await asyncio.to_thread(self._directory.clear_leftovers, LEFTOVERS_S)
        if names:
            self._journal.say("rosey", f"waited for the end of what a former run left: {', '.join(names)}")

    def _service(self, name: str) -> Service:
        return Service(
            name,
            configuration=self._directory.configuration,
            run=self._directory.ready_files,
            log_file=self._log(name),
            # A channel that cannot be reached now is no reason to give up: the bot goes on trying.
            needs_all=name != BOT,
        )

    async def _work(self, monitor: Monitor) -> None:
        """Show how things are until the run is over.

        Raises:
            Failure: a program was given up.
        """
        failed = asyncio.ensure_future(self._supervisor.wait_failed())
        deadline: float | None = None
        give_up = time.monotonic() + IN_ROOM_S
        snapshot, look_at = monitor.snapshot(), 0.0
        try:
            while not failed.done():
                now = time.monotonic()
                if now >= look_at:
                    look_at = now + INTERVAL_S
                    snapshot = await monitor.look()
                    if self._observation is not None:
                        self._observation.update(self._supervisor.children)
                self._output.refresh(snapshot)
                if self._plan.seconds is not None and deadline is None and (snapshot.in_room or now > give_up):
                    deadline = now + self._plan.seconds
                if (deadline is not None and now >= deadline) or self._is_played_out():
                    return
                pause = FRAME_S if deadline is None else max(0.0, min(FRAME_S, deadline - now))
                await asyncio.wait({failed}, timeout=pause)
            raise failed.result()
        finally:
            failed.cancel()

    def _is_played_out(self) -> bool:
        return any(child.state is State.FINISHED for child in self._supervisor.children)

    async def _finish(self) -> Outcome:
        """Stop what makes events, then look at what came of them."""
        self._output.end()
        monitor, bus = self._monitor, self._bus
        if monitor is None or bus is None:
            return Outcome(snapshot=Snapshot(time=time.time(), seconds=0.0), reconciliation=None)
        snapshot = await monitor.look()
        self._journal.say("rosey", "stopping")
        # What the processes say of each other's end from here on is no news.
        monitor.reads_logs = False
        await self._supervisor.stop(SIMULATOR)
        reconciliation = None
        if self._plan.audits and not self._impatient.is_set():
            await self._drain(monitor)
            snapshot = await monitor.look()
            await self._supervisor.stop(BOT)
            reconciliation = await self._audit.end(bus, snapshot)
        return Outcome(snapshot=snapshot, reconciliation=reconciliation)

    async def _drain(self, monitor: Monitor) -> None:
        """Wait until the bot holds nothing back."""
        deadline = time.monotonic() + DRAIN_S
        while (await monitor.look()).held and time.monotonic() < deadline and not self._impatient.is_set():  # noqa: ASYNC110
            await asyncio.sleep(FRAME_S / 5)
