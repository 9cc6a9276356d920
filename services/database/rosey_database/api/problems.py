"""Refusals, as RFC 9457 has them: ``application/problem+json`` with a sentence for whoever writes the program."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

import msgspec
from aiohttp import web

MEDIA_TYPE: Final = "application/problem+json"


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a refusal.

    Attributes:
        title: the status in words.
        detail: what is wrong with this request.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class Problem(Exception):
    """The request is not answered.

    Args:
        status: of HTTP.
        detail: a sentence that names what is wrong; it goes to the client, and shows nothing of its token.
        headers: that belong to the status.
    """

    def __init__(self, status: HTTPStatus, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self._details = ProblemDetails(title=status.phrase, status=status.value, detail=detail)
        self._headers = headers or {}

    def response(self) -> web.Response:
        """The refusal as it goes to the client."""
        return web.Response(
            status=self.status,
            headers=self._headers,
            body=msgspec.json.encode(self._details),
            content_type=MEDIA_TYPE,
        )
