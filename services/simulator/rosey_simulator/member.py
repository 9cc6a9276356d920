"""Somebody connected to the server: a socket, or a virtual user without one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rosey_simulator.addresses import masked
from rosey_simulator.frames import Frame
from rosey_simulator.scheduler import Timer
from rosey_simulator.throttle import Throttle

if TYPE_CHECKING:
    from rosey_simulator.room import Room

ANONYMOUS_RANK = -1.0
GUEST_RANK = 0.0
LEADER_RANK = 1.5
MODERATOR_RANK = 2.0


def wire_number(value: float) -> float:
    """The number as JavaScript writes it: 2, not 2.0."""
    return int(value) if value == int(value) else value


class Member:
    """One client. It may be anonymous (no name), a guest, or logged in to an account.

    `sink` takes the frames for this client; None (a virtual user) spares the room making them.
    `hang_up` ends the client's connection after a kick.
    """

    __slots__ = (
        "address",
        "afk",
        "afk_timer",
        "aliases",
        "channel_rank",
        "chat_throttle",
        "created_at",
        "global_rank",
        "hang_up",
        "leads",
        "muted",
        "name",
        "playlist_requested_at",
        "profile",
        "queue_throttle",
        "registered",
        "room",
        "shadow_muted",
        "sink",
        "spoke_at",
    )

    def __init__(
        self,
        address: str = "127.0.0.1",
        sink: Callable[[Frame], None] | None = None,
        hang_up: Callable[[], None] | None = None,
    ) -> None:
        self.address = address
        self.sink = sink
        self.hang_up = hang_up
        self.name = ""
        self.registered = False
        self.created_at = 0.0
        self.global_rank = ANONYMOUS_RANK
        self.channel_rank = ANONYMOUS_RANK
        self.leads = False
        self.profile: dict[str, str] = {"image": "", "text": ""}
        self.aliases: list[str] = []
        self.afk = False
        self.muted = False
        self.shadow_muted = False
        self.room: Room | None = None
        self.spoke_at = 0.0
        self.afk_timer: Timer | None = None
        self.chat_throttle = Throttle()
        self.queue_throttle = Throttle()
        self.playlist_requested_at = float("-inf")

    @property
    def key(self) -> str:
        """The name as names are compared: without regard to case."""
        return self.name.lower()

    @property
    def base_rank(self) -> float:
        """The higher of global and channel rank, without the lead."""
        return max(self.global_rank, self.channel_rank)

    @property
    def rank(self) -> float:
        """The rank that counts now (PROTOCOL section 4)."""
        base = self.base_rank
        return LEADER_RANK if self.leads and base < LEADER_RANK else base

    @property
    def is_moderator(self) -> bool:
        return self.rank >= MODERATOR_RANK

    def become(self, name: str, *, registered: bool, global_rank: float, created_at: float = 0.0) -> None:
        """Log in: from now on the client has a name."""
        self.name = name
        self.registered = registered
        self.global_rank = global_rank
        self.created_at = created_at

    def send(self, event: str, *args: Any) -> None:
        if self.sink is not None:
            self.sink(Frame(event, *args))

    def deliver(self, frame: Frame) -> None:
        if self.sink is not None:
            self.sink(frame)

    def send_rank(self) -> None:
        self.send("rank", wire_number(self.rank))

    def meta(self, *, privileged: bool) -> dict[str, Any]:
        """What others see of the state; moderators see more, and only they see a shadow mute (PROTOCOL section 7)."""
        if not privileged:
            return {"afk": self.afk, "muted": self.muted and not self.shadow_muted}
        return {
            "afk": self.afk,
            "muted": self.muted,
            "smuted": self.shadow_muted,
            "aliases": self.aliases,
            "ip": masked(self.address),
        }

    def description(self, *, privileged: bool) -> dict[str, Any]:
        """The user object of `userlist` and `addUser`."""
        return {
            "name": self.name,
            "rank": wire_number(self.rank),
            "profile": self.profile,
            "meta": self.meta(privileged=privileged),
        }

    def __repr__(self) -> str:
        return f"Member({self.name or 'anonymous'}, rank {self.rank:g})"
