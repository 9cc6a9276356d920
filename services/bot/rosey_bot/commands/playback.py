"""``current``, ``jump``, ``next``, ``pause``, ``voteskip``: what plays."""

from __future__ import annotations

from rosey_bot.commands.answers import Answer, CommandError, position
from rosey_bot.commands.arguments import Kind, Parameter
from rosey_bot.commands.items import find_item, item_line, place_of
from rosey_bot.commands.media_urls import LIVE_TYPES
from rosey_bot.commands.registry import Command, Request, check
from rosey_bot.commands.rights import require, require_told
from rosey_bot.cytube import frames
from rosey_bot.cytube.acts import Jump, LeadPlayback, PlayNext, VoteSkip
from rosey_bot.cytube.sending import Outcome
from rosey_bot.cytube.text import plain_text
from rosey_bot.room.media import NowPlaying
from rosey_bot.room.room import Room


def now_playing(room: Room, now: float) -> str:
    """What plays, and where it stands at the Unix time ``now``."""
    media = room.media
    if media is None:
        return "Nothing is playing"
    progress = f"{position(media.position_at(now))} of {position(media.seconds)}" if media.seconds else "live"
    by = f", queued by {media.queued_by}" if media.queued_by else ""
    return f"Now playing: {media.title} ({progress}{', paused' if is_paused(media) else ''}{by})"


def is_paused(media: NowPlaying) -> bool:
    """Whether somebody has paused it; CyTube calls the lead-in paused, too."""
    return media.paused and media.position >= 0


async def _answer_current(request: Request) -> Answer:
    return Answer([now_playing(request.room, request.clock())])


def _playing(room: Room) -> NowPlaying:
    if room.media is not None:
        return room.media
    raise CommandError("Nothing is playing" if len(room.playlist) else "Nothing is playing: the playlist is empty")


async def _answer_jump(request: Request) -> Answer:
    require(request.room, "playlistjump", "to jump in the playlist")
    item = find_item(request.room, request.arguments["#"])
    await request.ask(Jump(item.uid))
    return Answer([f"Now playing {item_line(place_of(request.room, item), item)}"])


async def _answer_next(request: Request) -> Answer:
    room = request.room
    require(room, "playlistjump", "to skip what plays")
    media = _playing(room)
    receipt = await request.ask(PlayNext(media.uid))
    if isinstance(receipt.frame, frames.Delete):
        return Answer([f"{media.title} was the last item: nothing is playing now"])
    return Answer([now_playing(room, request.clock())])


async def _answer_pause(request: Request) -> Answer:
    async with request.steering.playback:
        media = _playing(request.room)
        if media.type in LIVE_TYPES:
            raise CommandError(f"{media.title} is live media: CyTube cannot pause it")
        require_told(request.room, "leaderctl", "to take leadership of playback")
        return await (_go_on if is_paused(media) else _pause)(request)


async def _pause(request: Request) -> Answer:
    await _lead(request)
    await _set_paused(request, True)
    media = _playing(request.room)
    taken = f", which {request.steering.heir} had" if request.steering.heir else ""
    return Answer(
        [f"Paused {media.title} at {position(media.position)}: the bot has leadership now{taken}. Send pause to go on"]
    )


async def _go_on(request: Request) -> Answer:
    await _lead(request)
    await _set_paused(request, False)
    heir = request.steering.heir
    check(await request.steering.return_lead(), silence="the bot still leads playback")
    media = _playing(request.room)
    given = f"{heir} has leadership again" if heir else "the bot has given up leadership"
    return Answer([f"Playing {media.title} from {position(media.position)} on; {given}"])


async def _lead(request: Request) -> None:
    if not request.steering.leads:
        check(await request.steering.take_lead())


async def _set_paused(request: Request, paused: bool) -> None:
    media = _playing(request.room)
    at = max(media.position_at(request.clock()), 0.0)
    receipt = await request.sending.ask(LeadPlayback(media.id, media.type, at, paused))
    if receipt.outcome is not Outcome.SENT and paused:
        # A leader who does not pause would only keep CyTube from going on to the next item.
        await request.steering.return_lead()
    check(receipt, silence="somebody else may have taken leadership")


async def _answer_voteskip(request: Request) -> Answer:
    if not request.room.allows_voteskip:
        raise CommandError("Votes for skipping are off in this channel")
    require(request.room, "voteskip", "to vote for skipping")
    _playing(request.room)
    receipt = await request.sending.ask(VoteSkip())
    votes = request.steering.votes
    if receipt.outcome is Outcome.UNCONFIRMED and votes is not None and votes.count:
        raise CommandError(f"CyTube counts no second vote from one address: {votes.count} of {votes.need} votes")
    require(request.room, "viewvoteskip", "to see the votes")
    check(receipt, silence="an address may have voted already")
    if isinstance(receipt.frame, frames.ChatMsg):
        return Answer([plain_text(receipt.frame.msg)])
    return Answer([f"Voted: {receipt.frame.count} of {receipt.frame.need} votes"])


_ITEM = Parameter("#", Kind.ITEM)

COMMANDS = (
    Command("current", "what plays now", _answer_current),
    Command("jump", "plays an item now, by number or title", _answer_jump, parameters=(_ITEM,), is_act=True),
    Command("next", "skips what plays", _answer_next, is_act=True),
    Command("pause", "pauses, and sent again goes on", _answer_pause, is_act=True),
    Command("voteskip", "votes for skipping what plays", _answer_voteskip, is_act=True),
)
