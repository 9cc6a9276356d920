"""``rosey-bot``: sits in the configured channels, all in one process."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from typing import Final

import aiohttp
from pydantic import SecretStr

from rosey_bot.channels.channel import Channel, ChannelSettings
from rosey_bot.channels.channels import Channels
from rosey_bot.commands.router import default_registry
from rosey_bot.cytube.backoff import Disconnected
from rosey_bot.cytube.login import Credentials
from rosey_bot.cytube.socketconfig import fetch_socket_url
from rosey_bot.outbound_client import OutboundClient
from rosey_bot.plugins.loading import load_plugins
from rosey_bot.plugins.plugins import Plugins
from rosey_bot.publish.limits import OutboxLimits
from rosey_bot.publish.outbox import Outbox
from rosey_bot.publish.spool import SpoolError
from rosey_bot.statistics_client import StatisticsClient
from rosey_bot.telemetry import BotTelemetry
from rosey_core.bus import Bus
from rosey_core.config import Config, ConfigError, Platform, Problem
from rosey_core.health import Health
from rosey_core.service import ServiceContext, run

DESCRIPTION: Final = "Sits in CyTube channels, publishes what happens there, and obeys moderators."
log = logging.getLogger(__name__)

REPORT_INTERVAL: Final = 0.5
"""Seconds between two looks at what health and metrics tell."""


def main() -> int:
    """The program."""
    return run("rosey-bot", DESCRIPTION, check, serve)


async def check(config: Config) -> list[str]:
    """What would keep the bot from its work: channels whose server cannot be reached or that are not there."""
    if not config.channels:
        return [_NO_CHANNEL]
    problems = []
    async with aiohttp.ClientSession() as http:
        for platform in config.channels:
            try:
                await fetch_socket_url(http, platform.server, platform.channel)
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
    telemetry = BotTelemetry(context.registry)
    bus = Bus(**config.nats.options(), name="rosey-bot")
    outbox = Outbox(
        bus,
        spool_directory=config.bot.spool_dir,
        limits=OutboxLimits(spool_bytes=config.bot.spool_max_bytes),
        on_ack_latency=telemetry.acknowledged,
    )
    plugins = Plugins(load_plugins(telemetry.plugin_failed, taken=(command.name for command in default_registry())))
    channels = _channels(config, bus, outbox, telemetry, plugins)
    context.health.expect("nats", *(f"channel {platform.key}" for platform in config.channels))
    try:
        await outbox.start()
    except SpoolError as error:
        raise ConfigError(config.source, [Problem(str(error), key="bot.spool_dir")]) from None
    await bus.start()
    channels.start()
    reporter = asyncio.create_task(_report(context.health, channels, bus, outbox, telemetry), name="reporter")
    try:
        await context.stop.wait()
    finally:
        reporter.cancel()
        await asyncio.gather(reporter, return_exceptions=True)
        # The channels first: what they tell of their end is delivered, or spooled, too.
        await channels.stop()
        await plugins.close()
        await outbox.close()
        await bus.close()


_NO_CHANNEL: Final = "no channel is enabled: there is nothing to sit in"


def _channels(config: Config, bus: Bus, outbox: Outbox, telemetry: BotTelemetry, plugins: Plugins) -> Channels:
    statistics = StatisticsClient(bus, timeout=config.bot.stats_timeout)
    outbound = OutboundClient(bus, claimed_by=f"{socket.gethostname()}-{os.getpid()}")
    secrets = config.secrets()
    started = time.time()
    return Channels(
        [
            Channel(
                _settings(config, platform),
                sink=outbox,
                statistics=statistics,
                outbound=outbound,
                observer=telemetry,
                secrets=secrets,
                started=started,
                plugins=plugins,
            )
            for platform in config.channels
        ]
    )


def _settings(config: Config, platform: Platform) -> ChannelSettings:
    return ChannelSettings(
        key=platform.key,
        server=platform.server,
        name=platform.channel,
        credentials=Credentials(
            user=platform.user,
            password=_laid_open(platform.password),
            channel_password=_laid_open(platform.channel_password),
        ),
        user_cooldown=config.bot.user_cooldown,
        channel_cooldown=config.bot.channel_cooldown,
        user_count_interval=config.bot.user_count_interval,
        status_interval=config.bot.status_interval,
        outbound_interval=config.bot.outbound_interval,
        zone=config.bot.zone,
        manners_file=config.bot.spool_dir / "manners" / f"{platform.key}.json",
    )


def _laid_open(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


async def _report(health: Health, channels: Channels, bus: Bus, outbox: Outbox, telemetry: BotTelemetry) -> None:
    while True:
        _tell(health, "nats", bus.problem or outbox.problem)
        for key, problem in channels.problems().items():
            _tell(health, f"channel {key}", problem)
        telemetry.read_outbox(outbox)
        await asyncio.sleep(REPORT_INTERVAL)


def _tell(health: Health, name: str, problem: str | None) -> None:
    if problem is None:
        health.ok(name)
    else:
        health.fail(name, problem)
