"""The channels of one process: each runs by itself, none ends another, and they come and go at run time.

Those of the configuration file and those that were added at run time live side by side; of two with one key it is the
file's.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from rosey_bot.channels.channel import Channel
from rosey_bot.cytube.backoff import Delays
from rosey_core.channel_status import ChannelStatus, Origin
from rosey_core.config import Platform

log = logging.getLogger(__name__)

RESTART_WAIT: Final = 5.0
LONGEST_RESTART_WAIT: Final = 600.0
SHADOWED: Final = "also added at run time: the configuration file's is used"


@dataclass(frozen=True, slots=True)
class Unusable:
    """What was added at run time and cannot be used.

    Attributes:
        problem: why, for people.
        cause: a word for it, one of ``rosey_core.channel_status.CAUSES``.
    """

    problem: str
    cause: str


@dataclass(frozen=True, slots=True)
class _Running:
    platform: Platform
    origin: Origin
    channel: Channel
    work: asyncio.Task[None]


class Channels:
    """Keeps channels running.

    Args:
        make: makes the channel of a platform.
        restart_wait: seconds before a channel that failed is run again; more where it goes on to fail.
        bot: what this bot is called in the channels' status.
        is_pooled: whether only those channels are entered that are admitted one by one.
        clock: Unix seconds.

    Attributes:
        version: another one whenever other channels are wanted.
    """

    def __init__(
        self,
        make: Callable[[Platform], Channel],
        *,
        restart_wait: float = RESTART_WAIT,
        bot: str = "",
        is_pooled: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._make: Final = make
        self._restart_wait: Final = restart_wait
        self._bot: Final = bot
        self._clock: Final = clock
        self._wanted: Final[dict[Origin, dict[str, Platform]]] = {"file": {}, "added": {}}
        self._invalid: Final[dict[str, Unusable]] = {}
        self._revisions: Final[dict[str, int]] = {}
        self._running: Final[dict[str, _Running]] = {}
        self._ending: Final[dict[str, asyncio.Task[None]]] = {}
        self._admitted: Final[set[str] | None] = set() if is_pooled else None
        self.version = 0
        self._changing: Final = asyncio.Lock()

    async def apply(self, platforms: Iterable[Platform]) -> None:
        """Take these as the configuration file's, and only these; what has not changed stays where it is."""
        await self._change("file", {platform.key: platform for platform in platforms})

    async def apply_added(
        self,
        platforms: Iterable[Platform],
        invalid: Mapping[str, Unusable] | None = None,
        revisions: Mapping[str, int] | None = None,
    ) -> None:
        """Take these as all that were added at run time, and by key those that cannot be used.

        Args:
            platforms: those that can.
            invalid: those that cannot.
            revisions: of the entries of both, by key.
        """
        for key, unusable in (invalid or {}).items():
            if self._invalid.get(key) != unusable:
                log.error("%s: added at run time, but %s", key, unusable.problem)
        self._invalid.clear()
        self._invalid.update(invalid or {})
        self._revisions.clear()
        self._revisions.update(revisions or {})
        await self._change("added", {platform.key: platform for platform in platforms})

    async def add(self, platform: Platform, revision: int | None = None) -> None:
        """Add one at run time, or change it; ``revision`` is its entry's."""
        self._invalid.pop(platform.key, None)
        if revision is not None:
            self._revisions[platform.key] = revision
        await self._change("added", self._wanted["added"] | {platform.key: platform})

    async def remove(self, key: str) -> None:
        """Leave one that was added at run time; those of the configuration file stay."""
        self._invalid.pop(key, None)
        self._revisions.pop(key, None)
        await self._change("added", {other: it for other, it in self._wanted["added"].items() if other != key})

    async def refuse(self, key: str, unusable: Unusable, revision: int) -> None:
        """Leave one that was added at run time, since what its entry of this revision wants cannot be."""
        wanted = self._wanted["added"]
        await self.apply_added(
            [platform for platform in wanted.values() if platform.key != key],
            self._invalid | {key: unusable},
            self._revisions | {key: revision},
        )

    def wanted(self) -> dict[str, Platform]:
        """All channels that somebody is to sit in, by key."""
        return {key: platform for key, (_, platform) in self._all_wanted().items()}

    def admit(self, key: str) -> None:
        """Enter this channel as long as it is wanted; only in a pool."""
        if self._admitted is not None:
            self._admitted.add(key)
        wanted = self._all_wanted().get(key)
        if wanted is not None and key not in self._running:
            self._enter(key, *wanted)

    async def dismiss(self, key: str) -> None:
        """Leave this channel, and return when the bot is out of its room; only in a pool."""
        if self._admitted is not None:
            self._admitted.discard(key)
        await self._leave([key] if key in self._running else [])
        ending = self._ending.get(key)
        if ending is not None:
            await asyncio.wait({ending})

    async def stop(self) -> None:
        """Leave all of them."""
        async with self._changing:
            await self._leave(list(self._running))

    def all(self) -> list[tuple[Platform, Channel]]:
        """Those that run now."""
        return [(running.platform, running.channel) for running in self._running.values()]

    def problems(self) -> dict[str, str | None]:
        """Of the file's, by key, what keeps the bot from being there; ``None`` where nothing does."""
        return {key: running.channel.problem for key, running in self._running.items() if running.origin == "file"}

    def waits(self) -> Counter[str]:
        """How many channels wait for what, by the kind of wait."""
        waits = (running.channel.waits_for for running in self._running.values())
        return Counter(wait.kind for wait in waits if wait is not None)

    def statuses(self) -> list[ChannelStatus]:
        """How all of them fare, those that cannot be used, too."""
        now = self._clock()
        found = [self._status(running, now) for running in self._running.values()]
        return found if self._admitted is not None else [*found, *self._unusable(self._invalid, now)]

    def unheld(self, waiting: Mapping[str, str], held: Collection[str]) -> list[ChannelStatus]:
        """How those of a pool's channels fare that nobody has: they wait for something, or cannot be used.

        Args:
            waiting: by key, what a channel waits for.
            held: the keys of those that somebody has, wherever.
        """
        now, wanted = self._clock(), self._all_wanted()
        found = self._unusable(self._invalid.keys() - held, now)
        for key, (origin, platform) in wanted.items():
            if key in waiting:
                found.append(
                    ChannelStatus(
                        key=key,
                        origin=origin,
                        state="waiting",
                        updated=now,
                        bot=self._bot,
                        server=platform.server,
                        name=platform.channel,
                        waits_for=waiting[key],
                        revision=self._revisions.get(key) if origin == "added" else None,
                    )
                )
        return found

    def _unusable(self, keys: Iterable[str], now: float) -> list[ChannelStatus]:
        return [
            ChannelStatus(
                key=key,
                origin="added",
                state="invalid",
                updated=now,
                bot=self._bot,
                problem=self._invalid[key].problem,
                revision=self._revisions.get(key),
                cause=self._invalid[key].cause,
            )
            for key in keys
            if key not in self._running
        ]

    def _status(self, running: _Running, now: float) -> ChannelStatus:
        channel, room = running.channel, running.channel.room
        joined, waits_for = channel.joined_since, channel.waits_for
        shadowed = running.origin == "file" and (channel.key in self._wanted["added"] or channel.key in self._invalid)
        return ChannelStatus(
            key=channel.key,
            origin=running.origin,
            state="joined" if joined is not None else "waiting" if waits_for is not None else "connecting",
            updated=now,
            bot=self._bot,
            server=channel.server,
            name=room.name,
            since=joined,
            user=room.own_name,
            users=None if joined is None else room.chat_count,
            connected=None if joined is None else room.connected_count,
            problem=channel.problem,
            last_failure=channel.last_failure,
            waits_for=None if waits_for is None else waits_for.text,
            note=SHADOWED if shadowed else channel.note,
            revision=self._revisions.get(channel.key) if running.origin == "added" else None,
            worker=self._bot or None,
            media=None if joined is None or room.media is None else room.media.title,
            cause=channel.cause,
        )

    async def _change(self, origin: Origin, platforms: dict[str, Platform]) -> None:
        async with self._changing:
            before = self._shadowed()
            self._wanted[origin] = platforms
            for key in self._shadowed() - before:
                log.warning("%s: %s", key, SHADOWED)
            self.version += 1
            wanted = self._all_wanted()
            await self._leave(
                [
                    key
                    for key, running in self._running.items()
                    if key not in wanted or running.platform != wanted[key][1]
                ]
            )
            for key, (source, platform) in wanted.items():
                running = self._running.get(key)
                if running is None and (self._admitted is None or key in self._admitted):
                    self._enter(key, source, platform)
                elif running is not None and running.origin != source:
                    self._running[key] = _Running(platform, source, running.channel, running.work)

    def _all_wanted(self) -> dict[str, tuple[Origin, Platform]]:
        wanted: dict[str, tuple[Origin, Platform]] = {}
        for source in ("added", "file"):
            wanted.update({key: (source, platform) for key, platform in self._wanted[source].items()})
        return wanted

    def _shadowed(self) -> set[str]:
        return self._wanted["file"].keys() & self._wanted["added"].keys()

    def _enter(self, key: str, origin: Origin, platform: Platform) -> None:
        log.info("%s: entering %s/r/%s", key, platform.server, platform.channel)
        channel = self._make(platform)
        work = asyncio.create_task(self._keep(channel), name=key)
        self._running[key] = _Running(platform, origin, channel, work)

    async def _leave(self, keys: list[str]) -> None:
        works = []
        for key in keys:
            running = self._running.pop(key)
            running.work.cancel()
            works.append(running.work)
            self._ending[key] = running.work
            running.work.add_done_callback(partial(self._ended, key))
            log.info("%s: leaving", key)
        await asyncio.gather(*works, return_exceptions=True)

    def _ended(self, key: str, work: asyncio.Task[None]) -> None:
        if self._ending.get(key) is work:
            del self._ending[key]

    async def _keep(self, channel: Channel) -> None:
        waits = Delays(first=self._restart_wait, longest=LONGEST_RESTART_WAIT)
        failures = 0
        while True:
            began = self._clock()
            try:
                await channel.run()
            except Exception:
                # What fails by itself may do so whenever it has joined: CyTube must not suffer from that.
                if self._clock() - began >= LONGEST_RESTART_WAIT:
                    failures = 0
                wait = waits.after(failures, random.random())
                failures += 1
                log.exception("%s: failed; it is run again in %.0f s", channel.key, wait)
                await asyncio.sleep(wait)
