"""``stats`` and ``user``: what the database knows, and what to say when it does not answer."""

from __future__ import annotations

import re
from typing import Final, Protocol

from msgspec import UNSET, UnsetType

from rosey_bot.commands.answers import Answer, CommandError, counted, duration, rank_title
from rosey_bot.commands.arguments import Kind, Parameter, nearest
from rosey_bot.commands.people import bare_name
from rosey_bot.commands.registry import Command, Request
from rosey_core.queries import ChannelStatistics, HighWaterMark, UserStatistics

PUBLIC_TOP = 3
_NAME: Final = re.compile(r"[\w-]{1,20}")
"""What CyTube allows in a name (PROTOCOL.md 3), and the letters beyond that it once did."""


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

    async def channel_stats(self, channel: str) -> ChannelStatistics:
        """What is known of a channel, by its key.

        Raises:
            StatisticsFailure: there is no answer.
        """

    async def user_stats(self, channel: str, username: str) -> UserStatistics:
        """What is known of a user in a channel.

        Raises:
            StatisticsFailure: there is no answer.
        """


def _peak(request: Request, peak: HighWaterMark) -> str:
    return f"{peak.users} ({request.moment(peak.timestamp)})" if peak.users else "none yet"


async def _answer_stats(request: Request) -> Answer:
    try:
        stats = await request.statistics.channel_stats(request.channel)
    except StatisticsFailure as failure:
        raise CommandError(str(failure)) from None
    top = stats.top_chatters[:PUBLIC_TOP] if request.is_public else stats.top_chatters
    chatters = ", ".join(f"{place}. {user.username} ({user.chat_lines})" for place, user in enumerate(top, start=1))
    return Answer(
        [
            f"Peak chat users: {_peak(request, stats.high_water_mark)}",
            f"Peak connected: {_peak(request, stats.high_water_connected)}",
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
    if user.shadow_muted and not request.is_public:
        # In chat it would be told to whom it is to be kept from.
        state.append("shadow-muted")
    since = "since before the bot came" if user.was_present else f"for {duration(request.clock() - user.since)}"
    return f"{user.name}: {', '.join(state)}; in the room {since}"


def _stored(request: Request, stats: UserStatistics, name: str) -> str:
    if not stats.found:
        return f"Nothing is stored about {name}"
    connected = float(stats.total_time_connected or 0)
    if isinstance(stats.current_session_start, int):
        connected += max(request.clock() - stats.current_session_start, 0)
    return (
        f"First seen {request.moment(_known(stats.first_seen))}, last seen {request.ago(_known(stats.last_seen))}; "
        f"{counted(stats.total_chat_lines or 0, 'chat line')}, {duration(connected)} in the room in all"
    )


def _known(timestamp: int | UnsetType) -> int | None:
    return None if timestamp is UNSET else timestamp


async def _answer_user(request: Request) -> Answer:
    name = bare_name(request.arguments["name"])
    # What is no name may be a link, or worse, and the bot would say it to all.
    if _NAME.fullmatch(name) is None:
        raise CommandError("That is no user's name: 1 to 20 letters, digits, '_' and '-'")
    present = _present(request, name)
    try:
        stats = await request.statistics.user_stats(request.channel, name)
    except StatisticsFailure as failure:
        return Answer([present, str(failure)], error=str(failure))
    stored = _stored(request, stats, name)
    is_unknown = not stats.found and request.room.users.get(name) is None
    close = nearest(name, (user.name for user in request.room.users)) if is_unknown else None
    return Answer([present, stored if close is None else f"{stored}: did you mean {close}?"])


STATS = Command("stats", "peaks, unique users, top chatters", _answer_stats, is_public=True)
USER = Command(
    "user", "what is known of a user", _answer_user, parameters=(Parameter("name", Kind.USER),), is_public=True
)
COMMANDS = (STATS, USER)
