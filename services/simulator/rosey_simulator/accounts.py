"""Who may log in under which name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

VALID_NAME = re.compile(r"[A-Za-z0-9_-]{1,20}")
RESERVED_WORDS = frozenset({"admin", "administrator", "owner"})
PASSWORD_CHARACTERS = 100

# Characters that look alike count as one when a guest picks a name (PROTOCOL section 3).
_LOOKALIKES = str.maketrans({"I": "l", "1": "l", "O": "0", "-": "_"})


class LoginRefused(Exception):
    """The login is refused; the text goes to the client."""


@dataclass
class Account:
    name: str
    password: str = field(repr=False)
    global_rank: float = 1.0
    created_at: float = 0.0
    profile: dict[str, str] = field(default_factory=lambda: {"image": "", "text": ""})


def appearance(name: str) -> str:
    """A form in which names that look the same are the same."""
    return name.translate(_LOOKALIKES).lower().replace("o", "0")


class Accounts:
    """The registered accounts, and the names seen from each address."""

    def __init__(self) -> None:
        self._by_key: dict[str, Account] = {}
        self._appearances: set[str] = set()
        self._aliases: dict[str, list[str]] = {}

    def add(self, name: str, password: str, global_rank: float = 1.0, created_at: float = 0.0) -> Account:
        """Register an account. Raises ValueError for a name CyTube would not take."""
        if not VALID_NAME.fullmatch(name):
            raise ValueError(f"not a user name: {name!r}")
        account = Account(name, password, global_rank, created_at)
        self._by_key[name.lower()] = account
        self._appearances.add(appearance(name))
        return account

    def get(self, name: str) -> Account | None:
        return self._by_key.get(name.lower())

    def verify(self, name: str, password: str) -> Account:
        """The account, if name and password are right. Raises LoginRefused (texts: PROTOCOL section 3)."""
        if not VALID_NAME.fullmatch(name):
            raise LoginRefused(f'Invalid username "{name}"')
        account = self.get(name)
        if account is None:
            raise LoginRefused("User does not exist")
        if account.password[:PASSWORD_CHARACTERS] != password[:PASSWORD_CHARACTERS]:
            raise LoginRefused("Invalid username/password combination")
        return account

    def check_guest_name(self, name: str) -> None:
        """Raises LoginRefused where a guest may not have the name."""
        if not VALID_NAME.fullmatch(name):
            raise LoginRefused(
                "Invalid username.  Usernames must be 1-20 characters long and consist only of characters "
                "a-z, A-Z, 0-9, -, or _."
            )
        if appearance(name) in self._appearances:
            raise LoginRefused("That username is registered.")
        if RESERVED_WORDS.intersection(re.split("[-_]", name.lower())):
            raise LoginRefused("That username is reserved.")

    def seen(self, address: str, name: str) -> None:
        names = self._aliases.setdefault(address, [])
        if name not in names:
            names.append(name)

    def aliases(self, address: str) -> list[str]:
        """Names used from this address, the last five."""
        return self._aliases.get(address, [])[-5:]
