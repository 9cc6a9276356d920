"""``rosey-bot``: sits in the configured channels, all in one process."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from functools import partial
from typing import Final

from rosey_bot.channels.added import AddedChannels
from rosey_bot.channels.channel import Channel, ChannelSettings
from rosey_bot.channels.channels import Channels
from rosey_bot.channels.shared_manners import SharedManners
from rosey_bot.channels.status_board import StatusBoard
from rosey_bot.commands.router import default_registry
from rosey_bot.cytube.backoff import Disconnected
from rosey_bot.cytube.budget import BURST, MARGIN, AddressBudgets, AddressLimits, Turn
from rosey_bot.cytube.login import Credentials
from rosey_bot.cytube.proxy import address_group, open_http
from rosey_bot.cytube.socketconfig import fetch_socket_url
from rosey_bot.outbound_client import OutboundClient
from rosey_bot.plugins.guard import Failed
from rosey_bot.plugins.loading import load_plugins
from rosey_bot.plugins.plugins import Plugins
from rosey_bot.pool.member import Member
from rosey_bot.pool.turns import Pace, TurnKind
from rosey_bot.pool.worker import PoolWorker, unused_name
from rosey_bot.publish.limits import OutboxLimits
from rosey_bot.publish.outbox import Outbox
from rosey_bot.publish.spool import SpoolError
from rosey_bot.sink import EventSink
from rosey_bot.statistics_client import Requester, StatisticsClient
from rosey_bot.telemetry import BotTelemetry
from rosey_bot.tracing import BotTracing, TracedRequester, TracedSink
from rosey_core.bus import Bus, end_task, server_problem
from rosey_core.config import Config, ConfigError, Platform, Problem, laid_open
from rosey_core.health import Health
from rosey_core.service import ServiceContext, run
from rosey_core.telemetry.metrics import BusMetrics

DESCRIPTION: Final = "Sits in CyTube channels, publishes what happens there, and obeys moderators."
log = logging.getLogger(__name__)

REPORT_INTERVAL: Final = 0.5
"""Seconds between two looks at what health and metrics tell."""

_APPLIED: Final = (
    "platforms",
    "bot.user_cooldown",
    "bot.channel_cooldown",
    "bot.user_count_interval",
    "bot.status_interval",
    "bot.outbound_interval",
    "bot.stats_timeout",
    "bot.timezone",
)
"""What is brought in without a restart."""
_UNUSED: Final = ("database", "stream", "operator")
"""What concerns others."""


def main() -> int:
    """The program."""
    return run("rosey-bot", DESCRIPTION, check, serve)


async def check(config: Config) -> list[str]:
    """What would keep the bot from its work: plugins that do not fit, channels out of reach or not there."""
    problems: list[str] = []
    _load_plugins(
        config, lambda plugin, reason: problems.append(f"plugin {plugin}: {reason}, of which the log says more")
    )
    if not config.channels:
        return [*problems, _NO_CHANNEL]
    for platform in config.channels:
        proxy = laid_open(platform.proxy)
        group = None if proxy is None else address_group(proxy)
        async with open_http(proxy) as http:
            try:
                await fetch_socket_url(http, platform.server, platform.channel, proxy=group)
            except Disconnected as error:
                problems.append(f"{platform.key}: {error}")
    return problems


async def serve(config: Config, context: ServiceContext) -> None:
    """Be in all channels until asked to stop.

    Raises:
        ConfigError: the spool cannot be used.
    """
    if not config.channels:
        # An installation begins without channels: what is wrong with it is nothing that a restart would mend.
        log.warning(_NO_CHANNEL)
    tracing = context.tracing
    telemetry = BotTelemetry(context.registry, None if tracing is None else BotTracing(tracing))
    bus = Bus(**config.nats.options(), name="rosey-bot")
    BusMetrics(context.registry, bus)
    outbox = Outbox(
        bus,
        spool_directory=config.bot.spool_dir,
        limits=OutboxLimits(spool_bytes=config.bot.spool_max_bytes),
        on_ack_latency=telemetry.acknowledged,
    )
    pooling = config.bot.pool
    name = (pooling.name if pooling.enabled else None) or f"{socket.gethostname()}-{os.getpid()}"
    plugins = _load_plugins(config, telemetry.plugin_failed)
    maker = _Maker(
        config,
        bus,
        sink=outbox if tracing is None else TracedSink(outbox, tracing),
        requester=bus if tracing is None else TracedRequester(bus, tracing),
        telemetry=telemetry,
        name=name,
        plugins=plugins,
    )
    channels = Channels(maker, bot=name, is_pooled=pooling.enabled)
    pool = maker.pool = _pool(config, bus, channels, name) if pooling.enabled else None
    checks = ["pool"] if pooling.enabled else [_check_of(platform.key) for platform in config.channels]
    context.health.expect("nats", *checks)
    try:
        await outbox.start()
    except SpoolError as error:
        await outbox.close()
        raise ConfigError(config.source, [Problem(str(error), key="bot.spool_dir")]) from None
    await bus.start()
    await channels.apply(config.channels)
    context.reload.offer(
        partial(_apply, bus, maker, channels),
        (*_APPLIED, *(f"nats.{key}" for key in config.nats.login())),
        unused=_UNUSED,
    )
    board = StatusBoard(bus, channels.statuses if pool is None else pool.statuses, bot=name)
    works = [
        asyncio.create_task(_report(context.health, channels, bus, outbox, telemetry, pool), name="reporter"),
        asyncio.create_task(board.run(), name="status-board"),
        asyncio.create_task(maker.manners.run(), name="shared-manners"),
    ]
    if config.bot.added_channels:
        # In full: what it says of a file that is missing is read elsewhere.
        added = AddedChannels(bus, channels, config.bot.secrets_dir.absolute())
        works.append(asyncio.create_task(added.run(), name="added-channels"))
    if pool is not None:
        works.append(asyncio.create_task(pool.run(), name="pool"))
    try:
        await context.stop.wait()
        if pool is not None:
            await pool.drain()
    finally:
        await asyncio.gather(*map(end_task, works))
        # The channels first: what they tell of their end is delivered, or spooled, too.
        await channels.stop()
        await plugins.close()
        await board.clear()
        await outbox.close()
        await bus.close()


async def _apply(bus: Bus, maker: _Maker, channels: Channels, config: Config) -> None:
    bus.log_in_with(config.nats.login())
    await maker.reload(channels, config)


def _pool(config: Config, bus: Bus, channels: Channels, name: str) -> PoolWorker:
    bot = config.bot
    member = Member(
        name,
        unused_name,
        group=bot.pool.address_group,
        ttl=bot.pool.ttl,
        connections=bot.connections_per_address,
        paces={
            "connect": Pace(BURST, bot.connection_interval * MARGIN),
            "guest": Pace(1, bot.guest_login_interval * MARGIN),
        },
    )
    return PoolWorker(bus, channels, member, ttl=bot.pool.ttl, group=bot.pool.address_group)


def _load_plugins(config: Config, failed: Failed) -> Plugins:
    taken = (command.name for command in default_registry())
    return Plugins(load_plugins(failed, taken=taken, wanted=config.bot.plugins))


_NO_CHANNEL: Final = "no channel is enabled: there is nothing to sit in"


class _Maker:
    """Makes channels as the configuration in force wants them.

    Attributes:
        manners: how moderators want the bot to behave in them.
        pool: shares them with other bots; ``None`` where there are none.
    """

    pool: PoolWorker | None = None

    def __init__(
        self,
        config: Config,
        bus: Bus,
        *,
        sink: EventSink,
        requester: Requester,
        telemetry: BotTelemetry,
        name: str,
        plugins: Plugins,
    ) -> None:
        self._config = config
        self._sink = sink
        self._telemetry = telemetry
        self._plugins = plugins
        self._statistics = StatisticsClient(requester, timeout=config.bot.stats_timeout)
        self._outbound = OutboundClient(bus, claimed_by=name)
        self.manners: Final = SharedManners(bus)
        self._started = time.time()
        self._budgets = AddressBudgets(
            AddressLimits(
                connections=config.bot.connections_per_address,
                connection_interval=config.bot.connection_interval,
                guest_login_interval=config.bot.guest_login_interval,
            ),
            self._turns if config.bot.pool.enabled else None,
        )

    def __call__(self, platform: Platform) -> Channel:
        settings = _settings(self._config, platform)
        return Channel(
            settings,
            sink=self._sink if self.pool is None else self.pool.sink(settings.key, self._sink),
            statistics=self._statistics,
            outbound=self._outbound,
            observer=self._telemetry,
            secrets=self._secrets(platform),
            started=self._started,
            plugins=self._plugins,
            manners=self.manners.of(settings.key, settings.manners_file),
            budget=self._budgets.of(settings.server, settings.proxy),
            lease=None if self.pool is None else self.pool.lease(settings.key),
        )

    def _turns(self, host: str, group: str) -> Turn:
        async def turn(kind: TurnKind) -> None:
            if self.pool is not None:
                await self.pool.turn(self.pool.budget(host, group), kind)

        return turn

    async def reload(self, channels: Channels, config: Config) -> None:
        """Bring another configuration into the channels; those that are the same in it stay in their rooms."""
        self._config = config
        self._statistics.timeout = config.bot.stats_timeout
        await channels.apply(config.channels)
        for platform, channel in channels.all():
            channel.change(_settings(config, platform), self._secrets(platform))

    def _secrets(self, platform: Platform) -> set[str]:
        return self._config.secrets() | platform.secrets()


def _settings(config: Config, platform: Platform) -> ChannelSettings:
    return ChannelSettings(
        key=platform.key,
        server=platform.server,
        name=platform.channel,
        credentials=Credentials.of(platform),
        proxy=laid_open(platform.proxy),
        user_cooldown=config.bot.user_cooldown,
        channel_cooldown=config.bot.channel_cooldown,
        user_count_interval=config.bot.user_count_interval,
        status_interval=config.bot.status_interval,
        outbound_interval=config.bot.outbound_interval,
        zone=config.bot.zone,
        manners_file=config.bot.spool_dir / "manners" / f"{platform.key}.json",
    )


async def _report(
    health: Health, channels: Channels, bus: Bus, outbox: Outbox, telemetry: BotTelemetry, pool: PoolWorker | None
) -> None:
    reported: set[str] = set()
    while True:
        health.report("nats", bus.problem or server_problem(bus.client) or outbox.problem)
        problems = channels.problems()
        health.forget(*map(_check_of, reported - problems.keys()))
        for key, problem in problems.items():
            health.report(_check_of(key), problem)
        reported = set(problems)
        if pool is not None:
            health.report("pool", pool.problem)
            telemetry.read_pool(pool)
        telemetry.read_outbox(outbox)
        telemetry.read_waits(channels.waits())
        telemetry.read_rooms(channel for _, channel in channels.all())
        await asyncio.sleep(REPORT_INTERVAL)


def _check_of(key: str) -> str:
    return f"channel {key}"
