"""One channel: its connection, its room, its events, its commands and its outbound messages, put together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from rosey_bot.audit import Audit
from rosey_bot.channels.lease import Lease, NotHeld, Owned
from rosey_bot.channels.observer import ChannelObserver
from rosey_bot.commands.chat import LONGEST_SPEECH
from rosey_bot.commands.cooldowns import Cooldowns
from rosey_bot.commands.router import CommandRouter, default_registry
from rosey_bot.commands.statistics import Statistics
from rosey_bot.cytube.backoff import Cause, ReconnectPolicy
from rosey_bot.cytube.budget import AddressBudget, Wait
from rosey_bot.cytube.client import CytubeClient
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.login import Credentials
from rosey_bot.cytube.sending import Emit, SendQueue
from rosey_bot.cytube.text import split_message
from rosey_bot.manners import Manners
from rosey_bot.normalise import Normaliser
from rosey_bot.outbound import OutboundPoster, OutboundQueue
from rosey_bot.plugins.interface import Place
from rosey_bot.plugins.plugins import Plugins
from rosey_bot.room.room import Room
from rosey_bot.sink import EventSink
from rosey_core.telemetry import logs


@dataclass(frozen=True, kw_only=True)
class ChannelSettings:
    """What is to be known of a channel before it is joined.

    Attributes:
        key: the channel's key.
        server: the CyTube site's address, without a slash at its end.
        name: the channel's name.
        credentials: who the bot is there.
        proxy: the address of a proxy to go through.
        user_cooldown: seconds until a user's next public command is answered.
        channel_cooldown: seconds until the channel's next public command is answered.
        user_count_interval: seconds between two counts of users.
        status_interval: seconds between two reports of the status.
        outbound_interval: seconds between two looks into the outbound queue that no notice asked for.
        zone: the time zone of times in answers.
        manners_file: where it is kept how moderators want the bot to behave.
    """

    key: str
    server: str
    name: str
    credentials: Credentials
    proxy: str | None = field(default=None, repr=False)
    user_cooldown: float = 10.0
    channel_cooldown: float = 2.0
    user_count_interval: float = 300.0
    status_interval: float = 10.0
    outbound_interval: float = 30.0
    zone: tzinfo = UTC
    manners_file: Path | None = None


class Channel:
    """A channel that the bot sits in, from ``run`` until that is cancelled.

    Args:
        settings: which channel, and how.
        sink: takes what happens.
        statistics: what the database knows.
        outbound: where messages wait to be posted.
        observer: told of the work.
        secrets: values that are masked on record.
        started: Unix seconds; when the bot started.
        plugins: what others have added to the bot.
        manners: how moderators want the bot to behave; in the settings' file unless given.
        budget: what the server allows the address.
        lease: whether this bot is the one that acts here.
        policy: how long to wait for what.
        clock: Unix seconds.
    """

    def __init__(
        self,
        settings: ChannelSettings,
        *,
        sink: EventSink,
        statistics: Statistics,
        outbound: OutboundQueue,
        observer: ChannelObserver,
        secrets: Iterable[str] = (),
        started: float | None = None,
        plugins: Plugins | None = None,
        manners: Manners | None = None,
        budget: AddressBudget | None = None,
        lease: Lease | None = None,
        policy: ReconnectPolicy | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        key = settings.key
        self.settings = settings
        self.started: Final = clock() if started is None else started
        self.room: Final = Room(settings.name)
        self.dispatcher: Final = Dispatcher(key, observe=lambda name: observer.frame(key, name))
        self._observer: Final = observer
        self._lease: Final = lease or Owned()
        plugins = plugins or Plugins()
        sink = plugins.sink(sink, Place(key, self.room, self._speak))
        self._normaliser: Final = Normaliser(
            key, self.room, sink, bot_name=settings.credentials.user, started=self.started, clock=clock
        )
        manners = manners or Manners(settings.manners_file, clock=clock)
        self._sending: Final = SendQueue(self.room, on_wait=observer.throttled, silence=manners.silence)
        self._audit: Final = Audit(key, sink, self._normaliser.timeline, secrets)
        self._cooldowns: Final = Cooldowns(settings.user_cooldown, settings.channel_cooldown)
        self._router: Final = CommandRouter(
            key,
            room=self.room,
            sending=self._sending,
            audit=self._audit,
            statistics=statistics,
            context=self,
            cooldowns=self._cooldowns,
            registry=default_registry(plugins.commands),
            manners=manners,
            zone=settings.zone,
            clock=clock,
            observer=observer,
            acts=self._lease.acts,
        )
        self._poster: Final = OutboundPoster(
            key,
            queue=outbound,
            room=self.room,
            sending=self._sending,
            sink=sink,
            timeline=self._normaliser.timeline,
            manners=manners,
            interval=settings.outbound_interval,
            acts=self._lease.acts,
        )
        # The room first: whoever comes after it sees the room as the frame left it.
        self._normaliser.follow(self.dispatcher)
        self._sending.follow(self.dispatcher)
        self._router.follow(self.dispatcher)
        self._client: Final = CytubeClient(
            server=settings.server,
            channel=settings.name,
            credentials=settings.credentials,
            dispatcher=self.dispatcher,
            listener=self,
            proxy=settings.proxy,
            budget=budget,
            permit=self._lease.wait,
            policy=policy,
            clock=clock,
        )

    @property
    def key(self) -> str:
        """The channel's key."""
        return self.settings.key

    @property
    def server(self) -> str:
        """The CyTube site's address."""
        return self.settings.server

    @property
    def joined_since(self) -> float | None:
        """Unix seconds; since when the bot is in the room, ``None`` while it is not."""
        return self._client.state.joined_since

    @property
    def problem(self) -> str | None:
        """What keeps the bot from being in the room under its name, for the operator; ``None`` where nothing does."""
        return self._client.state.problem

    @property
    def cause(self) -> str | None:
        """A word for that, one of ``rosey_core.channel_status.CAUSES``; ``None`` where the bot is on its way."""
        return self._client.state.cause

    @property
    def last_failure(self) -> str | None:
        """What ended the last connection, or kept one from being made; stays when that is over."""
        return self._client.state.last_failure

    @property
    def waits_for(self) -> Wait | None:
        """What it waits for to get in, or to get its name; ``None`` while it waits for nothing but answers."""
        return self._client.state.waits_for

    @property
    def note(self) -> str | None:
        """What the operator should know of the room that the bot is in; ``None`` where there is nothing."""
        return self._client.state.note

    def change(self, settings: ChannelSettings, secrets: Iterable[str]) -> None:
        """Keep to these cool-downs, intervals and this time zone, and mask these secrets, without leaving the room.

        Which channel it is, and who the bot is there, stays as it was.
        """
        self.settings = settings
        self._audit.mask(secrets)
        self._cooldowns.change(settings.user_cooldown, settings.channel_cooldown)
        self._router.zone = settings.zone
        self._poster.interval = settings.outbound_interval

    async def run(self) -> None:
        """Be in the channel until cancelled; then leave it."""
        logs.bind(self.key)
        works = [
            asyncio.create_task(self._client.run(), name=f"client-{self.key}"),
            asyncio.create_task(self._repeat("status_interval", self._normaliser.report_status)),
            asyncio.create_task(self._repeat("user_count_interval", self._normaliser.report_counts)),
            asyncio.create_task(self._poster.run(), name=f"outbound-{self.key}"),
        ]
        try:
            await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for work in works:
                if work.cancelled():
                    # By nobody here. Passed on it would end the channel as if it were to be left.
                    raise RuntimeError("a part of the channel was cancelled from within")
                if work.done():
                    work.result()
        finally:
            for work in works:
                work.cancel()
            await asyncio.gather(*works, return_exceptions=True)
            await self._router.close()

    def connecting(self) -> None:
        """A connection is about to be made."""
        self._normaliser.connected()

    def joined(self, emit: Emit) -> None:
        """The channel is joined."""
        self._sending.open(partial(self._emit, emit))
        self._observer.connected(self.key, True)

    def logged_in(self) -> None:
        """The bot has its name and rank."""
        self._normaliser.settled()
        self._normaliser.report_status()
        self._poster.look()

    async def disconnected(self, cause: Cause | None, last_seen: float | None) -> None:
        """The connection is gone."""
        self._normaliser.disconnected(last_seen=last_seen)
        self._observer.connected(self.key, False)
        if cause is not None:
            self._observer.connection_ended(self.key, cause.value)
        await self._sending.close()

    async def _emit(self, emit: Emit, event: str, arguments: Any) -> None:
        # The last moment: what has waited for its turn may have outlasted the lease.
        if not self._lease.acts():
            raise NotHeld
        await emit(event, arguments)

    def _speak(self, text: str) -> None:
        for message in split_message(text)[:LONGEST_SPEECH]:
            self._sending.say(message)

    async def _repeat(
        self, interval: Literal["status_interval", "user_count_interval"], work: Callable[[], None]
    ) -> None:
        while True:
            await asyncio.sleep(getattr(self.settings, interval))
            work()
