"""Who may use the API: whoever shows a token in the header ``Authorization`` (RFC 6750, section 2.1).

Each request's token is looked up anew, so that a revoked one stops at once.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from http import HTTPStatus
from typing import Final

from rosey_database.api.problems import Problem
from rosey_database.database import BotDatabase
from rosey_database.tables.tokens import Token

log = logging.getLogger(__name__)

SCHEME: Final = "Bearer"
TOKEN_MAX: Final = 512
"""Characters; a longer text is not even looked up."""


class Authorization:
    """Looks tokens up, and writes down that they are used, off the path of the answer.

    Args:
        database: connected; it has the tokens.
    """

    def __init__(self, database: BotDatabase) -> None:
        self._database = database
        self._writing: dict[str, asyncio.Task[None]] = {}

    async def check(self, headers: Sequence[str]) -> Token:
        """The token that these headers ``Authorization`` show.

        Raises:
            Problem: there is none, or it is not known, or revoked.
            sqlite3.Error: the database cannot tell now.
        """
        scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
        token = token.strip()
        if scheme.lower() != SCHEME.lower() or not token:
            raise _unauthorized(f"send one header 'Authorization: {SCHEME} TOKEN'; no token belongs in an address")
        known = await self._database.find_api_token(token) if len(token) <= TOKEN_MAX else None
        if known is None:
            raise _unauthorized("this token is not known, or it was revoked", error="invalid_token")
        if known.hash not in self._writing:
            # One that reads waits for no writer.
            self._writing[known.hash] = asyncio.create_task(self._mark_used(known))
        return known

    async def close(self) -> None:
        """Wait until all uses are written down."""
        await asyncio.gather(*self._writing.values())

    async def _mark_used(self, token: Token) -> None:
        try:
            await self._database.mark_api_token_used(token)
        except sqlite3.Error as error:
            log.debug("the use of a token is not written down: %s", error)
        finally:
            del self._writing[token.hash]


def insufficient() -> Problem:
    """The refusal of a token that may not post."""
    return _refusal(HTTPStatus.FORBIDDEN, "this token may only read", error="insufficient_scope")


def _unauthorized(detail: str, *, error: str = "") -> Problem:
    return _refusal(HTTPStatus.UNAUTHORIZED, detail, error=error)


def _refusal(status: HTTPStatus, detail: str, *, error: str) -> Problem:
    challenge = f'{SCHEME} realm="rosey"' + (f', error="{error}"' if error else "")
    return Problem(status, detail, {"WWW-Authenticate": challenge})
