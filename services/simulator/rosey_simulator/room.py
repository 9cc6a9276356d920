"""One channel: who is in it, and what they hear of each other. It knows nothing of sockets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from rosey_simulator.accounts import Accounts
from rosey_simulator.chat.conversation import Conversation
from rosey_simulator.customization import Emotes, FilterEditor, Look, Settings
from rosey_simulator.feature import Acknowledge, Feature, Handler
from rosey_simulator.frames import Frame
from rosey_simulator.limits import Limits
from rosey_simulator.member import MODERATOR_RANK, Member, wire_number
from rosey_simulator.moderation import BANNED, Moderation
from rosey_simulator.options import Options
from rosey_simulator.permissions import Permissions
from rosey_simulator.playlist.media import MediaLibrary
from rosey_simulator.playlist.playlist import Playlist
from rosey_simulator.polls import Polls
from rosey_simulator.ranks import Ranks
from rosey_simulator.scheduler import Scheduler
from rosey_simulator.schema import SchemaError, check
from rosey_simulator.throttle import Coalescer
from rosey_simulator.voteskip import Voteskip
from rosey_simulator.witness import Witness

USERCOUNT_SECONDS = 10.0
SITE_ADMIN_RANK = 255.0


class Room:
    """A channel with its members. Frames come in by `handle`, or as calls: join, leave, say, set_afk and so on.

    The room outlives its members: chat lines, playlist, ranks, mutes and bans stay when the last one leaves, while
    uids start anew (PROTOCOL sections 5, 8 and 10). An unregistered room is given up by its site then.
    """

    def __init__(
        self,
        name: str,
        *,
        scheduler: Scheduler,
        accounts: Accounts,
        library: MediaLibrary,
        limits: Limits,
        registered: bool = True,
        emptied: Callable[[Room], None] | None = None,
    ) -> None:
        self.name = name
        self.registered = registered
        self.scheduler = scheduler
        self.accounts = accounts
        self.library = library
        self.limits = limits
        self.permissions = Permissions(registered=registered)
        self.options = Options(name)
        self._members: dict[Member, None] = {}
        self._audience: dict[Member, None] = {}
        self._by_key: dict[str, Member] = {}
        self._addresses: dict[str, str] = {}
        self.witnesses: list[Witness] = []
        self._emptied = emptied
        self._usercount = Coalescer(scheduler, USERCOUNT_SECONDS, self._broadcast_usercount)
        self.ranks = Ranks(self)
        self.moderation = Moderation(self)
        self.settings = Settings(self)
        self.emotes = Emotes(self)
        self.conversation = Conversation(self)
        self.filter_editor = FilterEditor(self)
        self.look = Look(self)
        self.playlist = Playlist(self)
        self.voteskip = Voteskip(self)
        self.polls = Polls(self)
        # The order in which CyTube's modules hear of a departure or a new item.
        self._features: tuple[Feature, ...] = (
            self.settings,
            self.emotes,
            self.conversation,
            self.filter_editor,
            self.look,
            self.playlist,
            self.voteskip,
            self.polls,
            self.moderation,
            self.ranks,
        )
        self._handlers: Mapping[str, Handler] = {
            event: handler for feature in self._features for event, handler in feature.handlers().items()
        }

    def now(self) -> float:
        """Unix seconds."""
        return self.scheduler.clock()

    def now_ms(self) -> int:
        return round(self.scheduler.clock() * 1000)

    @property
    def members(self) -> list[Member]:
        """Everybody present, anonymous sockets included, in order of arrival."""
        return list(self._members)

    @property
    def audience(self) -> list[Member]:
        """Those present who take frames: virtual users do not."""
        return list(self._audience)

    def member(self, name: str) -> Member | None:
        """Who is present under that name, in any spelling."""
        return self._by_key.get(name.lower())

    def rank_of(self, name: str) -> float:
        """The rank a name has or, absent, would have."""
        present = self.member(name)
        if present is not None:
            return present.rank
        account = self.accounts.get(name)
        return max(self.ranks.of(name), account.global_rank if account else 0)

    def last_address(self, name: str) -> str | None:
        """Where somebody of that name last came from."""
        return self._addresses.get(name.lower())

    # Coming and going.

    def join(self, member: Member) -> bool:
        """A client joins as what it is: anonymous, a guest, or logged in. Whether it got in (it may be banned)."""
        if not self.admissible(member):
            return False
        self.grant_rank(member)
        self.admit(member)
        return True

    def admissible(self, member: Member) -> bool:
        """Whether no ban keeps the client out; one that is banned is kicked here."""
        if self.moderation.address_banned(member) or self.moderation.name_banned(member):
            self.kick(member, BANNED)
            return False
        return True

    def grant_rank(self, member: Member) -> None:
        """Give an account its channel rank before it is let in; the room hears of it already."""
        if not member.registered:
            return
        member.channel_rank = self.ranks.of(member.name)
        member.send_rank()
        self.broadcast_rank(member)

    def admit(self, member: Member) -> None:
        """Let a client in and send it the join frames in CyTube's order (PROTOCOL section 2)."""
        if not self._members:
            for feature in self._features:
                feature.load()
        member.room = self
        member.spoke_at = self.now()
        if member.sink is not None:
            self._audience[member] = None
        if member.name:
            self._announce_arrival(member)
        self._members[member] = None
        self._arm_afk(member)
        for witness in self.witnesses:
            witness.arrived(self, member)
        if member.sink is not None:
            self._send_join_frames(member)
        self._usercount.call()
        if not self.registered:
            member.send("channelNotRegistered")

    def introduce(self, member: Member) -> None:
        """A client that is already in has logged in: from here on it has a name, and its rank."""
        self._announce_arrival(member)
        for witness in self.witnesses:
            witness.named(self, member)
        if not member.registered:
            return
        before = member.rank
        member.channel_rank = self.ranks.of(member.name)
        member.send_rank()
        self.resend_userlist(member, before)
        self.playlist.send_list(member)
        self.broadcast_rank(member)
        if self.moderation.name_banned(member):
            self.kick(member, BANNED)
            self.whisper(f"{member.name} was kicked (name is banned)")

    def leave(self, member: Member) -> None:
        """A client goes. Nothing happens for one that is not in."""
        if member not in self._members and member not in self._audience:
            return
        was_in = member in self._members
        self._members.pop(member, None)
        self._audience.pop(member, None)
        if member.afk_timer is not None:
            member.afk_timer.cancel()
            member.afk_timer = None
        if member.name:
            if self._by_key.get(member.key) is member:
                del self._by_key[member.key]
            self.broadcast("userLeave", {"name": member.name})
        if was_in:
            for witness in self.witnesses:
                witness.left(self, member)
        for feature in self._features:
            feature.depart(member)
        member.room = None
        self._usercount.call()
        if not self._members:
            self.unload()

    def kick(self, member: Member, reason: str) -> None:
        """Put a client out and end its connection."""
        member.send("kick", {"reason": reason})
        self.leave(member)
        if member.hang_up is not None:
            member.hang_up()

    def unload(self) -> None:
        """Keep what outlives the members, and stop time. Who is still in is forgotten without a frame."""
        for member in self._members:
            member.room = None
            if member.afk_timer is not None:
                member.afk_timer.cancel()
        self._members.clear()
        self._audience.clear()
        self._by_key.clear()
        self._usercount.cancel()
        for feature in self._features:
            feature.unload()
        for witness in self.witnesses:
            witness.unloaded(self)
        if self._emptied is not None:
            self._emptied(self)

    # What members do.

    def handle(self, member: Member, event: str, args: list[Any], acknowledge: Acknowledge | None = None) -> None:
        """A frame of a member. Unknown events are ignored, misshapen ones answered with errorMsg."""
        if member.room is not self:
            return
        handler = self._handlers.get(event)
        if handler is None and event != "newPoll":
            return
        try:
            check(event, args)
        except SchemaError as error:
            member.send("errorMsg", {"msg": str(error)})
            return
        if handler is None:
            self.polls.handle_new(member, args[0], acknowledge)
        else:
            handler(member, args[0] if args else None)

    def say(self, member: Member, text: str) -> None:
        """A member sends a chat line, or a slash command."""
        self.conversation.say(member, text)

    def set_afk(self, member: Member, afk: bool) -> None:
        member.spoke_at = self.now()
        if member.afk == afk:
            return
        member.afk = afk
        if afk:
            self.voteskip.withdraw(member)
            member.send("clearVoteskipVote")
        else:
            self._arm_afk(member)
        self.voteskip.update()
        self.send_meta(member)
        self.broadcast("setAFK", {"name": member.name, "afk": afk})

    def restart_afk_timers(self) -> None:
        """The timeout has changed: everybody's time begins anew."""
        for member in self._members:
            member.spoke_at = self.now()
            self._arm_afk(member)

    # What members hear.

    def broadcast(self, event: str, *args: Any) -> None:
        if self._audience or self.witnesses:
            self.broadcast_frame(Frame(event, *args))

    def broadcast_frame(self, frame: Frame) -> None:
        for member in tuple(self._audience):
            member.deliver(frame)
        for witness in self.witnesses:
            witness.heard(self, frame)

    def broadcast_rank(self, member: Member) -> None:
        self.broadcast("setUserRank", {"name": member.name, "rank": wire_number(member.rank)})

    def announce(self, username: str, text: str) -> None:
        """A chat line of the server itself to everybody. It is not kept for those who join later."""
        self.broadcast_frame(self._server_line(username, text))

    def whisper(self, text: str, *, everybody: bool = False) -> None:
        """A `[server]` line for moderators, or for all."""
        frame = self._server_line("[server]", text)
        for member in tuple(self._audience):
            if everybody or member.is_moderator:
                member.deliver(frame)

    def send_meta(self, member: Member) -> None:
        """Show a member's state to all, with more of it to moderators."""
        self._send_by_rank(
            Frame("setUserMeta", {"name": member.name, "meta": member.meta(privileged=False)}),
            Frame("setUserMeta", {"name": member.name, "meta": member.meta(privileged=True)}),
        )

    def send_meta_to_moderators(self, member: Member) -> None:
        frame = Frame("setUserMeta", {"name": member.name, "meta": member.meta(privileged=True)})
        for each in tuple(self._audience):
            if each.is_moderator:
                each.deliver(frame)

    def send_userlist(self, member: Member) -> None:
        privileged = member.is_moderator
        named = [each.description(privileged=privileged) for each in self._members if each.name]
        member.send("userlist", named)
        for witness in self.witnesses:
            witness.listed(self, member)

    def resend_userlist(self, member: Member, rank_before: float) -> None:
        """The list anew for a member whose rank has crossed a line behind which one sees more."""
        for line in (MODERATOR_RANK, SITE_ADMIN_RANK):
            if (rank_before < line) != (member.rank < line):
                self.send_userlist(member)
                return

    def media_changed(self) -> None:
        for feature in self._features:
            feature.media_changed()

    def _announce_arrival(self, member: Member) -> None:
        older = self._by_key.get(member.key)
        if older is not None and older is not member:
            self.kick(older, "Duplicate login")
        self._by_key[member.key] = member
        self._addresses[member.key] = member.address
        present = [each for each in self._audience if each in self._members]
        self._send_by_rank(
            Frame("addUser", member.description(privileged=False)),
            Frame("addUser", member.description(privileged=True)),
            present,
        )
        whisper = self._server_line("[server]", f"{member.name} joined (aliases: {','.join(member.aliases)})")
        for each in present:
            if each.is_moderator:
                each.deliver(whisper)
        self.moderation.apply_mute(member)

    def _send_join_frames(self, member: Member) -> None:
        member.send("setPermissions", dict(self.permissions.nodes))
        member.send("setPlaylistLocked", not self.permissions.playlist_open)
        self.emotes.welcome(member)
        self.conversation.welcome(member)
        self.look.welcome(member)
        member.send("channelOpts", dict(self.options.values))
        self.playlist.welcome(member)
        self.polls.welcome(member)
        self.send_userlist(member)
        if self.playlist.leader is not None:
            member.send("setLeader", self.playlist.leader.name)

    def _send_by_rank(self, plain: Frame, privileged: Frame, audience: list[Member] | None = None) -> None:
        for each in tuple(self._audience) if audience is None else audience:
            each.deliver(privileged if each.is_moderator else plain)

    def _server_line(self, username: str, text: str) -> Frame:
        meta = {"addClass": "server-whisper", "addClassToNameAndTimestamp": True}
        return Frame("chatMsg", {"username": username, "msg": text, "meta": meta, "time": self.now_ms()})

    def _broadcast_usercount(self) -> None:
        self.broadcast("usercount", len(self._members))

    def _arm_afk(self, member: Member) -> None:
        if member.afk_timer is not None:
            member.afk_timer.cancel()
            member.afk_timer = None
        timeout = self.options["afk_timeout"]
        if timeout and not member.afk:
            due = member.spoke_at + timeout
            member.afk_timer = self.scheduler.call_at(due, lambda: self._afk_due(member))

    def _afk_due(self, member: Member) -> None:
        member.afk_timer = None
        if member.room is not self or member.afk:
            return
        timeout = self.options["afk_timeout"]
        if member.spoke_at + timeout > self.now():
            # Somebody who speaks only moves the mark; the timer catches up here, once per timeout.
            self._arm_afk(member)
        elif timeout:
            self.set_afk(member, True)

    def __repr__(self) -> str:
        return f"Room({self.name!r}, {len(self._members)} present)"
