"""``stats`` and ``user``: what the database knows, and what to say when it does not answer."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from rosey_bot.commands.answers import Answer, CommandError, counted, duration, moment, rank_title
from rosey_bot.commands.arguments import Parameter
from rosey_bot.commands.registry import Command, Request
from rosey_bot.room.users import is_username

PUBLIC_TOP = 3


class Peak(Struct, frozen=True):
    """The most there ever were, and when (Unix seconds)."""

    users: int = 0
    timestamp: float | None = None


class Chatter(Struct, frozen=True):
    """A user and the lines they have said."""

    username: str
    chat_lines: int


class ChannelStats(Struct, frozen=True):
    """What the database knows of a channel."""

    high_water_mark: Peak
    high_water_connected: Peak
    top_chatters: list[Chatter]
    total_users_seen: int


class UserStats(Struct, frozen=True):
    """What the database knows of a user; times are Unix seconds, of a user it never saw only ``found`` is set."""

    found: bool
    username: str = ""
    first_seen: float | None = None
    last_seen: float | None = None
    total_chat_lines: int = 0
    total_time_connected: float = 0
    current_session_start: float | None = None


class StatisticsFailure(Exception):
    """The database has no answer; the text is what the user reads."""


class StatisticsTimeout(StatisticsFailure):
    """It did not answer in time, or nobody serves the question."""

    def __init__(self) -> None:
        super().__init__("Stats unavailable (DatabaseService timeout - is it running?)")


class StatisticsUnavailable(StatisticsFailure):
    """There is no connection to NATS."""

    def __init__(self) -> None:
        super().__init__("Stats unavailable (NATS not connected)")


class StatisticsError(StatisticsFailure):
    """It answered that it cannot."""

    def __init__(self, message: str) -> None:
        super().__init__(f"Stats error: {message}")


class Statistics(Protocol):
    """Answers questions about what is stored."""

    async def channel_stats(self, channel: str) -> ChannelStats:
        """What is known of a channel, by its key.

        Raises:
            StatisticsFailure: there is no answer.
        """

    async def user_stats(self, channel: str, username: str) -> UserStats:
        """What is known of a user in a channel.

        Raises:
            StatisticsFailure: there is no answer.
        """


def _peak(peak: Peak) -> str:
    return f"{peak.users} ({moment(peak.timestamp)})" if peak.users else "none yet"


async def _answer_stats(request: Request) -> Answer:
    try:
        stats = await request.statistics.channel_stats(request.channel)
    except StatisticsFailure as failure:
        raise CommandError(str(failure)) from None
    top = stats.top_chatters[:PUBLIC_TOP] if request.is_public else stats.top_chatters
    chatters = ", ".join(f"{place}. {user.username} ({user.chat_lines})" for place, user in enumerate(top, start=1))
    return Answer(
        [
            f"Peak chat users: {_peak(stats.high_water_mark)}",
            f"Peak connected: {_peak(stats.high_water_connected)}",
            f"Total unique users: {stats.total_users_seen}",
            f"Top chatters: {chatters or 'nobody yet'}",
        ]
    )


def _present(request: Request, name: str) -> str:
    user = request.room.users.get(name)
    if user is None:
        return f"{name} is not in the room"
    state = [rank_title(user.rank)]
    if user.afk:
        state.append("AFK")
    if user.muted:
        state.append("muted")
    since = "since before the bot came" if user.was_present else f"for {duration(request.clock() - user.since)}"
    return f"{user.name}: {', '.join(state)}; in the room {since}"


def _stored(stats: UserStats, name: str, now: float) -> str:
    if not stats.found:
        return f"Nothing is stored about {name}"
    connected = stats.total_time_connected
    if stats.current_session_start is not None:
        connected += max(now - stats.current_session_start, 0)
    return (
        f"First seen {moment(stats.first_seen)}, last seen {moment(stats.last_seen)}; "
        f"{counted(stats.total_chat_lines, 'chat line')}, {duration(connected)} in the room in all"
    )


async def _answer_user(request: Request) -> Answer:
    name = request.arguments["name"]
    if not is_username(name):
        raise CommandError("That is no user's name: 1 to 20 letters, digits, '_' and '-'")
    present = _present(request, name)
    try:
        stored = _stored(await request.statistics.user_stats(request.channel, name), name, request.clock())
    except StatisticsFailure as failure:
        return Answer([present, str(failure)], error=str(failure))
    return Answer([present, stored])


STATS = Command("stats", "peaks, unique users, top chatters", _answer_stats, is_public=True)
USER = Command("user", "what is known of a user", _answer_user, parameters=(Parameter("name"),), is_public=True)
COMMANDS = (STATS, USER)
