"""Who the bot is in a channel, and why CyTube may not have it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Self

from rosey_core.config.platforms import Platform
from rosey_core.config.section import laid_open


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the bot shows at the door.

    Attributes:
        user: the name to log in with; ``None`` stays anonymous.
        password: of the account; without one the bot is a guest.
        channel_password: for channels that ask for one.
    """

    user: str | None = None
    password: str | None = field(default=None, repr=False)
    channel_password: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, platform: Platform) -> Self:
        """What a channel of the configuration names."""
        return cls(
            user=platform.user,
            password=laid_open(platform.password),
            channel_password=laid_open(platform.channel_password),
        )

    @property
    def is_account(self) -> bool:
        """Whether the login has a password."""
        return self.user is not None and bool(self.password)

    def join_frame(self, channel: str) -> dict[str, Any]:
        """The arguments of ``joinChannel``: CyTube takes no other keys (PROTOCOL.md 11)."""
        return {"name": channel} | ({"pw": self.channel_password} if self.channel_password else {})

    def login_frame(self) -> dict[str, Any]:
        """The arguments of ``login``."""
        return {"name": self.user} | ({"pw": self.password} if self.password else {})


class LoginRefused(Exception):
    """CyTube did not accept the login; the text says what to do.

    Attributes:
        word: which refusal it is, one of ``rosey_core.channel_status.CAUSES``.
        takes_turn: whether the address's next guest has to wait all the same: another one has logged in shortly
            before, or there was no answer, which may have been lost.
    """

    def __init__(self, text: str, word: str = "login_refused", *, takes_turn: bool = False) -> None:
        super().__init__(text)
        self.word: Final = word
        self.takes_turn = takes_turn


_EARLY: Final = "Guest logins are restricted"
ADVICE: Final = (
    (
        "Invalid username/password combination",
        "wrong_password",
        "the password of {name} is wrong: check user and password",
    ),
    (
        "User does not exist",
        "no_account",
        "there is no account {name}: check user, or leave out the password to be a guest",
    ),
    (
        "That username is registered",
        "name_registered",
        "{name} is, or looks like, somebody's account: give its password or another name",
    ),
    (
        "That name is already in use",
        "name_taken",
        "a guest with the name {name} is in the channel already: waiting for it to leave",
    ),
    ("That username is reserved", "name_invalid", "CyTube reserves the name {name}: choose another one"),
    (_EARLY, "guest_limit", "CyTube allows an address few guest logins: waiting"),
    (
        "Invalid username",
        "name_invalid",
        "{name} is no name that CyTube allows: 1 to 20 of A-Z, a-z, 0-9, '_' and '-'",
    ),
)


def explain_refusal(name: str, error: str) -> LoginRefused:
    """What CyTube's ``error`` (PROTOCOL.md 3) means for an operator."""
    for beginning, word, advice in ADVICE:
        if error.startswith(beginning):
            return LoginRefused(advice.format(name=name), word, takes_turn=beginning == _EARLY)
    return LoginRefused(f"CyTube refuses the login of {name}: {error[:200] or 'no reason given'}")
