"""Reading a request of the contract out of a request of HTTP: its parameters, or its body."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import Any, Final

import msgspec
from aiohttp import web

from rosey_core import queries
from rosey_core.queries import InvalidRequest, Request
from rosey_database.api.problems import Problem
from rosey_database.api.routes import Route

BODY_BYTES: Final = 256 << 10
"""As over NATS: more than the longest message, with every character escaped."""
BODY_SECONDS: Final = 5.0
JSON: Final = "application/json"

_AT: Final = re.compile(r"(?P<said>.*) - at `\$\.(?P<name>\w+)`", re.DOTALL)
_MISSING: Final = re.compile(r"Object missing required field `(?P<name>\w+)`")
_NAME: Final = re.compile(r"[A-Za-z_]{1,20}")


async def read(route: Route, request: web.BaseRequest) -> tuple[Request, str | None]:
    """The request, and the key of its channel; ``None`` is the default channel.

    Raises:
        Problem: it cannot be read; the sentence names the parameter.
    """
    try:
        if route.method == "GET":
            return queries.decode_parameters(route.kind, _parameters(route, request))
        if request.query_string:
            raise Problem(HTTPStatus.BAD_REQUEST, "this route takes nothing in its address: send a JSON object")
        body = await _body(request)
        decoded = queries.decode(route.kind.SUBJECT, route.kind.SUBJECT, body)
        for name in msgspec.json.decode(body or b"{}", type=dict[str, Any]):
            _check(name, route)
    except (InvalidRequest, msgspec.MsgspecError, UnicodeError) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, _sentence(str(error))) from None
    return decoded


def _parameters(route: Route, request: web.BaseRequest) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in request.query.items():
        _check(name, route)
        if name in found:
            raise Problem(HTTPStatus.BAD_REQUEST, f"{name}: is there twice")
        found[name] = value
    return found


def _check(name: str, route: Route) -> None:
    """Refuse what is no parameter: a misspelt channel would be the default channel."""
    if name not in route.parameters:
        # What does not look like a name may be a token.
        said = f"{name}: is" if _NAME.fullmatch(name) else "there is"
        known = ", ".join(route.parameters)
        raise Problem(HTTPStatus.BAD_REQUEST, f"{said} no parameter of {route.path}, which takes: {known}")


async def _body(request: web.BaseRequest) -> bytes:
    if request.content_type != JSON:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Content-Type: should be {JSON}", {"Accept-Post": JSON, "Accept": JSON}
        )
    too_large = Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {BODY_BYTES} bytes")
    if (request.content_length or 0) > BODY_BYTES:
        raise too_large
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise too_large from None
    except TimeoutError:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, f"the body did not come within {BODY_SECONDS:g} s") from None
    except (web.RequestPayloadError, OSError):
        raise Problem(HTTPStatus.BAD_REQUEST, "the body broke off, or is not encoded as the headers say") from None


def _sentence(said: str) -> str:
    """What msgspec says of a request, in the words of an address."""
    if at := _AT.fullmatch(said):
        return f"{at['name']}: {at['said'][0].lower()}{at['said'][1:]}"
    if missing := _MISSING.fullmatch(said):
        return f"{missing['name']}: is missing"
    return said
