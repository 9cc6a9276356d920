"""Keeps one channel joined: connects, logs in, joins, follows, and begins again, for ever.

Who joins first, as PROTOCOL.md 3 recommends for bots, is anonymous in the room until the login, and is shown what
shadow-muted users say like anything else (PROTOCOL.md 5). CyTube takes the login before the join as well; only where
it refuses that, or a guest has to wait for it, does the bot watch without a name. Once it can have its name it comes in
anew: CyTube replays what was said meanwhile, and of that only what everybody was shown. python-socketio's own
reconnection stays off: it does not reconnect after a kick, knows no reasons, and would not ask for the socket's address
again (PROTOCOL.md 10).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final, Protocol

from rosey_bot.cytube import frames
from rosey_bot.cytube.backoff import Cause, Disconnected, ReconnectPolicy
from rosey_bot.cytube.budget import AddressBudget, GuestTurn, Place, Wait
from rosey_bot.cytube.dispatch import Dispatcher
from rosey_bot.cytube.login import Credentials, LoginRefused, explain_refusal
from rosey_bot.cytube.proxy import address_group, open_http
from rosey_bot.cytube.sending import Emit
from rosey_bot.cytube.session import Session
from rosey_bot.cytube.socketconfig import fetch_socket_url

log = logging.getLogger(__name__)

AT_THE_DOOR: Final = 1.0
"""Seconds for which a guest waits before the join for its turn to log in: other bots may have been quicker."""


class ClientListener(Protocol):
    """Who wants to know how the connection fares."""

    def connecting(self) -> None:
        """A connection is about to be made; its frames follow."""

    def joined(self, emit: Emit) -> None:
        """The channel is joined; ``emit`` sends over this connection."""

    def logged_in(self) -> None:
        """The bot has its name and rank."""

    async def disconnected(self, cause: Cause | None, last_seen: float | None) -> None:
        """The connection is gone; ``last_seen`` (Unix seconds) where that was some time ago.

        ``cause`` is ``None`` where the bot left it to come in anew under its name.
        """


@dataclass(slots=True)
class ConnectionState:
    """How the connection fares.

    Attributes:
        joined_since: Unix seconds; ``None`` while the bot is not in the room.
        problem: what keeps the bot from being in the room under its name, for the operator; ``None`` where nothing.
        cause: a word for that, one of ``rosey_core.channel_status.CAUSES``; ``None`` where the bot is on its way.
        last_failure: what ended the last connection, or kept one from being made.
        waits_for: what the connection, or the login, waits for; ``None`` while it waits for nothing but answers.
        note: what the operator should know of the room that the bot is in; ``None`` where there is nothing.
        connections: how many were made.
    """

    joined_since: float | None = None
    problem: str | None = "not connected yet"
    cause: str | None = None
    last_failure: str | None = None
    waits_for: Wait | None = None
    note: str | None = None
    connections: int = 0

    def tell(self, problem: str | None, cause: str | None = None) -> None:
        """This is what keeps the bot from being in the room under its name now."""
        self.problem = problem
        self.cause = cause


class CytubeClient:
    """The connection to one channel.

    Args:
        server: the web site's address, without a slash at its end.
        channel: the channel's name.
        credentials: who the bot is there.
        dispatcher: takes the frames.
        listener: is told of each connection's begin and end.
        proxy: the address of a proxy to go through.
        budget: what the server allows the address; a budget of its own unless given.
        permit: waited for before a connection is made, and before a login.
        policy: how long to wait for what.
        clock: Unix seconds.
        sleep: waits seconds.
    """

    def __init__(
        self,
        *,
        server: str,
        channel: str,
        credentials: Credentials,
        dispatcher: Dispatcher,
        listener: ClientListener,
        proxy: str | None = None,
        budget: AddressBudget | None = None,
        permit: Callable[[], Awaitable[None]] | None = None,
        policy: ReconnectPolicy | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.state: Final = ConnectionState()
        self._server: Final = server
        self._channel: Final = channel
        self._credentials: Final = credentials
        self._dispatcher: Final = dispatcher
        self._listener: Final = listener
        self._proxy: Final = proxy
        self._group: Final = None if proxy is None else address_group(proxy)
        self._budget: Final = budget or AddressBudget(server)
        self._permit: Final = permit or _permit_all
        self._policy: Final = policy or ReconnectPolicy()
        self._clock: Final = clock
        self._sleep: Final = sleep
        self._session: Session | None = None
        self._guest_turn: asyncio.Task[GuestTurn] | None = None
        self._turn_taken: Final = AsyncExitStack()
        self._is_told_unregistered = False
        dispatcher.on(frames.USERLIST, self._userlist)
        dispatcher.on(frames.NEED_PASSWORD, self._need_password)
        dispatcher.on(frames.LOGIN, self._login)
        dispatcher.on(frames.RANK, self._rank)
        dispatcher.on(frames.CHANNEL_NOT_REGISTERED, self._not_registered)
        dispatcher.on(frames.KICK, self._kick)
        dispatcher.on(frames.ERROR_MSG, self._error)

    async def run(self) -> None:
        """Be in the channel until cancelled."""
        failures: Counter[Cause] = Counter()
        while True:
            cause = Cause.LOST
            await self._permit()
            async with self._budget.connection(self._waits) as place:
                await self._permit()
                began = self._clock()
                try:
                    await self._visit(place)
                except Disconnected as error:
                    cause = error.cause
                    self.state.tell(str(error), error.word)
                except Exception as error:
                    self.state.tell(f"unexpected failure: {type(error).__name__}", "failed")
                    log.exception("%s: unexpected failure of the connection", self._channel)
            if cause is Cause.RATE_LIMITED:
                self._budget.refused()
            self.state.last_failure = self.state.problem
            lasted = self._clock() - began
            for earlier in list(failures):
                if self._policy.forgives(earlier, lasted):
                    del failures[earlier]
            delay = self._policy.delay(cause, failures[cause])
            failures[cause] += 1
            log.warning("%s: %s; next attempt in %.1f s", self._channel, self.state.problem, delay)
            self.state.waits_for = Wait("retry", f"the next attempt, {delay:.0f} s after the last")
            await self._sleep(delay)
            self.state.waits_for = None

    def _waits(self, wait: Wait | None) -> None:
        before, self.state.waits_for = self.state.waits_for, wait
        if wait is not None and (before is None or before.kind != wait.kind):
            log.info("%s: waits for %s", self._channel, wait.text)

    async def _visit(self, place: Place) -> None:
        """Be in the room, in this place; whoever is there without its name comes in anew once it can have it."""
        try:
            await self._connection(place)
            while True:
                await self._permit()
                await self._connection(place, is_anew=True)
        finally:
            await self._end_guest_turn()

    async def _connection(self, place: Place, *, is_anew: bool = False) -> None:
        """One connection, to its end; returns where it was left for another one under the bot's name."""
        self._listener.connecting()
        cause: Cause | None = Cause.LOST
        last_seen = None
        try:
            async with open_http(self._proxy) as http:
                url = await fetch_socket_url(http, self._server, self._channel, proxy=self._group)
                self._session = session = Session(http, self._dispatcher, self._policy, self._clock, self._group)
                place.is_spent = True
                try:
                    await session.open(url)
                    self.state.connections += 1
                    refusal = await self._enter(session)
                    self.state.joined_since = self._clock()
                    log.info("%s: joined", self._channel)
                    self._listener.joined(session.emit)
                    await self._stay(session, place, refusal, is_anew=is_anew)
                    cause = None
                finally:
                    last_seen = session.last_seen
                    await session.close()
                    place.lingers = 0.0
                    if last_seen is not None:
                        # The server may not have noticed the end, and counts the connection on until it does.
                        place.lingers = max(last_seen + session.server_patience - self._clock(), 0.0)
        except Disconnected as error:
            cause = error.cause
            raise
        finally:
            self._session = None
            self.state.joined_since = self.state.note = None
            self.state.problem = self.state.problem or "not connected"
            await self._listener.disconnected(cause, last_seen)

    async def _enter(self, session: Session) -> LoginRefused | None:
        """Log in, and join under that name; returns what CyTube has against the login.

        Raises:
            Disconnected: it did not let the bot in.
        """
        # A guest whose turn to log in comes later watches meanwhile.
        is_now = self._credentials.is_account or await session.until(self._has_guest_turn())
        refusal = await self._log_in(session) if is_now else None
        await self._join(session, refusal)
        return refusal

    async def _join(self, session: Session, refusal: LoginRefused | None) -> None:
        await session.emit("joinChannel", self._credentials.join_frame(self._channel))
        opened = await session.first_of(session.joined, session.needs_password)
        if opened is session.needs_password and await self._give_password(session):
            opened = await session.first_of(session.joined) or opened
        # A moderator's rank opens the door without the channel's password, and may come later (PROTOCOL.md 2).
        if opened is session.needs_password and self._credentials.is_account and refusal is None:
            opened = await session.first_of(session.joined) or opened
        # A login that was put off completes the join of a channel that is closed to anonymous users (PROTOCOL.md 2).
        if opened is None and refusal is None and not session.is_logged_in and self._credentials.user is not None:
            refusal = await self._log_in(session)
            opened = await session.first_of(session.joined) if refusal is None else None
        if opened is session.joined:
            return
        # It would have opened the door, or one that is closed to anonymous users.
        if refusal is not None and (self._credentials.is_account or opened is None):
            raise Disconnected(Cause.REFUSED, str(refusal), refusal.word)
        if opened is session.needs_password:
            given = "the channel password is wrong" if session.needs_password.result() else "it asks for a password"
            sentence = f"{self._server} does not let us in: {given}: check channel_password"
            raise Disconnected(Cause.REFUSED, sentence, "channel_password")
        raise Disconnected(Cause.LOST, session.last_error or "no answer to the join")

    async def _give_password(self, session: Session) -> bool:
        """Give the channel's password again where the server knows of none; returns whether that was done."""
        password = self._credentials.channel_password
        if password is None or session.needs_password.result():
            return False
        await session.emit("channelPassword", password)
        return True

    async def _stay(self, session: Session, place: Place, refusal: LoginRefused | None, *, is_anew: bool) -> None:
        """Stay until the connection ends; returns where it is to be left for another one under the bot's name."""
        if not session.is_logged_in and self._credentials.user is not None:
            await self._watch(session, refusal)
            # Where only the logins before the join fail, an account would come in anew for ever.
            if self._guest_turn is not None or (self._credentials.is_account and not is_anew):
                self.state.tell("comes in anew under its name")
                await session.until(self._budget.connect_again(place, self._waits))
                await session.until(self._permit())
                log.info("%s: comes in anew under its name", self._channel)
                return
        # A guest's rank never changes, and nothing tells it; an account's comes with the join (PROTOCOL.md 3).
        if self._credentials.is_account and await session.first_of(session.ranked) is None:
            log.warning("%s: CyTube told no rank after the login", self._channel)
        self.state.tell(None)
        self._listener.logged_in()
        await session.wait_end()

    async def _watch(self, session: Session, refusal: LoginRefused | None) -> None:
        """Be in the room without the name until an account is logged in, or a guest's turn to log in is there.

        A guest whose name CyTube has refused logs in without leaving: its turn may be used up for nothing.
        """
        self.state.tell("not logged in yet: no chat is recorded until then")
        failures = 0
        while not session.is_logged_in:
            if refusal is not None:
                self.state.tell(str(refusal), refusal.word)
                delay = self._policy.login_delay(failures)
                failures += 1
                advice = "no chat is recorded until then; next login in"
                log.warning("%s: %s; %s %.0f s", self._channel, refusal, advice, delay)
                await session.until(self._wait_for_name(session, delay))
            if self._credentials.is_account or (refusal is not None and not refusal.takes_turn):
                refusal = await self._log_in(session)
            elif not session.is_logged_in:
                await session.until(self._permit())
                await session.until(self._take_guest_turn())
                return

    async def _wait_for_name(self, session: Session, delay: float) -> None:
        """Wait so many seconds, or until CyTube accepts the last login after all."""
        waking: asyncio.Future[None] = asyncio.ensure_future(self._sleep(delay))
        try:
            await asyncio.wait([waking, session.named], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waking.cancel()

    async def _log_in(self, session: Session) -> LoginRefused | None:
        """Log in, if the bot is to have a name; returns what CyTube has against it.

        Raises:
            Disconnected: the connection ended.
        """
        # CyTube does not answer who is logged in already (PROTOCOL.md 3), as after an answer that came too late.
        if self._credentials.user is None or session.is_logged_in:
            return None
        await session.until(self._permit())
        try:
            if self._credentials.is_account:
                await self._ask_for_login(session)
            else:
                await session.until(self._log_guest_in(session))
        except LoginRefused as refusal:
            return refusal
        log.info("%s: logged in as %s", self._channel, session.own_name)
        return None

    async def _log_guest_in(self, session: Session) -> None:
        turn = await self._take_guest_turn()
        # Where the answer is lost, CyTube may have counted it.
        turn.is_used = True
        try:
            await self._ask_for_login(session)
        except LoginRefused as refusal:
            turn.is_used = refusal.takes_turn
            raise
        finally:
            await self._end_guest_turn()

    async def _take_guest_turn(self) -> GuestTurn:
        """Wait for the turn to log in; it stays taken until the login, over the end of a connection where need be."""
        return await asyncio.shield(self._coming_guest_turn())

    async def _has_guest_turn(self) -> bool:
        """Whether a guest can log in before it joins; what others have of the address's turns shows when it asks."""
        if self._guest_turn is None and not self._budget.has_guest_turn:
            return False
        await self._permit()
        return bool((await asyncio.wait({self._coming_guest_turn()}, timeout=AT_THE_DOOR))[0])

    def _coming_guest_turn(self) -> asyncio.Task[GuestTurn]:
        if self._guest_turn is None:
            taking = self._turn_taken.enter_async_context(self._budget.guest_login(self._waits))
            self._guest_turn = asyncio.create_task(taking, name="guest-turn")
        return self._guest_turn

    async def _end_guest_turn(self) -> None:
        turn, self._guest_turn = self._guest_turn, None
        if turn is not None:
            turn.cancel()
            await asyncio.wait({turn})
        await self._turn_taken.aclose()

    async def _ask_for_login(self, session: Session) -> None:
        name = self._credentials.user or ""
        answered = session.expect_login()
        await session.emit("login", self._credentials.login_frame())
        if await session.first_of(answered) is None:
            raise LoginRefused(f"CyTube does not answer the login of {name}", takes_turn=True)
        answer = answered.result()
        if not answer.success:
            raise explain_refusal(name, answer.error)

    def _userlist(self, _: list[frames.User]) -> None:
        if self._session is not None:
            self._session.settle(self._session.joined, None)

    def _need_password(self, is_wrong: bool) -> None:
        if self._session is not None:
            self._session.settle(self._session.needs_password, is_wrong)

    def _login(self, frame: frames.Login) -> None:
        if self._session is not None:
            self._session.answer_login(frame)

    def _rank(self, rank: float) -> None:
        # What comes before the answer to the login is the rank on the site, not that in the channel.
        if self._session is not None and self._session.is_logged_in:
            self._session.settle(self._session.ranked, rank)

    def _not_registered(self, _: None) -> None:
        # CyTube opens a room for any name, a mistyped one too.
        self.state.note = f"{self._server} has no such channel registered: is the name right?"
        if not self._is_told_unregistered:
            self._is_told_unregistered = True
            log.warning("%s: %s", self._channel, self.state.note)

    def _kick(self, frame: frames.Kick) -> None:
        if self._session is not None:
            self._session.kick_reason = frame.reason

    def _error(self, frame: frames.ErrorMsg) -> None:
        if self._session is not None:
            self._session.last_error = frame.msg[:200]


async def _permit_all() -> None:
    pass
