"""API tokens of external programs: kept as SHA-256, so that who reads the database cannot use them."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from dataclasses import dataclass
from typing import Final

TOKEN_BYTES: Final = 32
PREFIX_MIN: Final = 8
"""A shorter beginning of a token revokes nothing."""
PREVIEW_MAX: Final = 12
USE_KEPT_S: Final = 60
"""A use is written down where the last one is older, in seconds: who asks often writes seldom."""


class AmbiguousPrefix(ValueError):
    """Several tokens begin like this; none was revoked."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that is known and not revoked.

    Attributes:
        hash: what is stored of it.
        last_used: Unix seconds; ``None`` until it is used.
        read_only: whether who has it may only read, and not post.
    """

    hash: str
    last_used: int | None
    read_only: bool = False

    def is_use_kept(self, time: float) -> bool:
        """Whether a use at this time (Unix seconds) is to be written down."""
        return self.last_used is None or time - self.last_used >= USE_KEPT_S


def new_token() -> str:
    """A token that nobody can guess: 43 characters of ``[A-Za-z0-9_-]``, of which the first is no ``-``.

    Its beginning can be given to a command, which would take it for an option.
    """
    while (token := secrets.token_urlsafe(TOKEN_BYTES)).startswith("-"):
        pass
    return token


def token_hash(token: str) -> str:
    """What is stored of a token; 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def preview(token: str) -> str:
    """The beginning of a token, by which people know and revoke it: a third, or 8 characters if they are no half."""
    return token[: max(min(PREVIEW_MAX, len(token) // 3), min(PREFIX_MIN, len(token) // 2))]


def add(connection: sqlite3.Connection, *, token: str, description: str, read_only: bool, time: float) -> None:
    """Store a token."""
    connection.execute(
        "INSERT INTO api_tokens (token, description, created_at, preview, read_only) VALUES (?, ?, ?, ?, ?)",
        (token_hash(token), description, int(time), preview(token), read_only),
    )


def mark_used(connection: sqlite3.Connection, *, token: Token, time: float) -> None:
    """Write down that the token was used."""
    connection.execute(
        "UPDATE api_tokens SET last_used = ? WHERE token = ? AND coalesce(last_used, 0) < ?",
        (int(time), token.hash, int(time)),
    )


def revoke(connection: sqlite3.Connection, *, token_or_prefix: str, time: float) -> bool:
    """Revoke one token, named whole or by its beginning; returns whether one was.

    A beginning has 8 characters or more, of those that are kept of a token; every character stands for itself.

    Raises:
        AmbiguousPrefix: several tokens begin like that.
    """
    hashes = [token_hash(token_or_prefix)]
    known = connection.execute("SELECT 1 FROM api_tokens WHERE token = ? AND revoked = 0", hashes).fetchone()
    if known is None:
        prefix = token_or_prefix.removesuffix("...")
        if len(prefix) < PREFIX_MIN:
            return False
        found = connection.execute(
            "SELECT token FROM api_tokens WHERE revoked = 0 AND substr(preview, 1, ?) = ?", (len(prefix), prefix)
        ).fetchall()
        if len(found) > 1:
            raise AmbiguousPrefix(f"{len(found)} tokens begin with {prefix!r}: name one by more of it")
        hashes = [row[0] for row in found]
    return (
        connection.executemany(
            "UPDATE api_tokens SET revoked = 1, revoked_at = ? WHERE token = ?",
            [(int(time), stored) for stored in hashes],
        ).rowcount
        > 0
    )


def sweep(connection: sqlite3.Connection, *, before: float, limit: int) -> int:
    """Delete up to ``limit`` tokens that were revoked before this time."""
    return connection.execute(
        """
        DELETE FROM api_tokens WHERE token IN (
            SELECT token FROM api_tokens
            WHERE revoked != 0 AND coalesce(revoked_at, last_used, created_at) < ? LIMIT ?)
        """,
        (int(before), limit),
    ).rowcount
