"""What a failure on the way to CyTube means, for the operator and for the wait that follows."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from typing import Final

import aiohttp
import python_socks
from aiohttp_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError

from rosey_bot.cytube.backoff import Cause, Disconnected

PROXY_ERRORS: Final = (ProxyError, ProxyConnectionError, ProxyTimeoutError, python_socks.ProxyError)

_LENGTH: Final = 200


def explain_failure(error: BaseException, target: str, proxy: str | None) -> Disconnected:
    """What it means that ``error`` kept a connection to ``target`` from being made.

    Args:
        error: what the libraries raised; the sentence rests on the first of what led to it that is known.
        target: where to, for people.
        proxy: through which proxy, for people; ``None`` for none.
    """
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Disconnected(
                Cause.UNTRUSTED, f"the certificate of {target} is not to be trusted: {cause.verify_message}"
            )
        if isinstance(cause, ssl.SSLError):
            return Disconnected(Cause.UNTRUSTED, f"no encrypted connection to {target}: {_text(cause)}")
    for cause in chain:
        if proxy is not None and isinstance(cause, PROXY_ERRORS):
            return Disconnected(Cause.UNREACHABLE, f"the proxy {proxy} does not connect to {target}: {_text(cause)}")
    for cause in chain:
        if isinstance(cause, aiohttp.ClientError | OSError):
            through = "" if proxy is None else f" through the proxy {proxy}"
            reason = "no answer in time" if isinstance(cause, TimeoutError) else _text(cause)
            return Disconnected(Cause.UNREACHABLE, f"cannot reach {target}{through}: {reason}")
    # Whoever answers there speaks something else.
    return Disconnected(Cause.UNREACHABLE, f"no connection to {target}: {_text(error)}")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it: libraries put one without its reason in the place of one with."""
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or following.__context__


def _text(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        # What aiohttp makes of it tells of its own settings.
        error = error.os_error
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:_LENGTH]
    return (str(error) or type(error).__name__)[:_LENGTH]
