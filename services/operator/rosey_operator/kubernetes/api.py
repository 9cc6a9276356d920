"""Requests to Kubernetes' API, with bounds, as the service account of the pod or as the user of a KUBECONFIG."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any, Final

import aiohttp
import kopf
from yarl import URL

TIMEOUT: Final = aiohttp.ClientTimeout(total=10, connect=5)
LOGIN_AGE: Final = 60.0
"""Seconds after which credentials are read anew: the kubelet replaces a service account's token every hour."""
PAGE: Final = 500
MERGE: Final = "application/merge-patch+json"

Object = dict[str, Any]
Login = Callable[[], kopf.ConnectionInfo | None]


class ApiError(Exception):
    """A request failed; the text says why.

    Attributes:
        status: the HTTP status; 0 where there was no answer.
    """

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status: Final = status


class NotFound(ApiError):
    """There is no such object."""


class Conflict(ApiError):
    """It is not what it was any more, or there already."""


class Connection(kopf.ConnectionInfo):
    """Where the API is and who asks, for authorities of any age."""

    def as_ssl_context(self) -> ssl.SSLContext:
        """What the API's certificate is held against."""
        context = super().as_ssl_context()
        # Python 3.13 wants of an authority what those of many clusters, made years ago, do not have.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def log_in(**_: Any) -> Connection | None:
    """Where the API is and who asks: in a pod its service account, else what KUBECONFIG says."""
    settings = kopf.OperatorSettings()
    info = kopf.login_with_service_account(settings=settings) or kopf.login_with_kubeconfig(settings=settings)
    return None if info is None else Connection(**{one.name: getattr(info, one.name) for one in fields(info)})


class Kubernetes:
    """The API.

    Args:
        login: tells where it is and who asks.
        clock: seconds that only grow.
    """

    def __init__(self, login: Login = log_in, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._login: Final = login
        self._clock: Final = clock
        self._session: aiohttp.ClientSession | None = None
        self._retired: aiohttp.ClientSession | None = None
        self._server = URL()
        self._read_at = 0.0
        self._opening: Final = asyncio.Lock()

    async def close(self) -> None:
        """Give up all connections; safe to call again."""
        sessions, self._session, self._retired = [self._session, self._retired], None, None
        for session in sessions:
            if session is not None:
                await session.close()

    async def get(self, path: str, **query: str) -> Object:
        """An object.

        Raises:
            ApiError: it cannot be had.
        """
        return await self._request("GET", path, query=query)

    async def list(self, path: str, **query: str) -> list[Object]:
        """All objects of a list, however many.

        Raises:
            ApiError: they cannot be had.
        """
        found: list[Object] = []
        following = ""
        while True:
            more = {"continue": following} if following else {}
            page = await self._request("GET", path, query={**query, "limit": str(PAGE), **more})
            found += page.get("items", [])
            following = page.get("metadata", {}).get("continue", "")
            if not following:
                return found

    async def create(self, path: str, body: Object) -> Object:
        """Make an object in this list.

        Raises:
            Conflict: there is one of this name.
            ApiError: it cannot be made.
        """
        return await self._request("POST", path, body)

    async def replace(self, path: str, body: Object) -> Object:
        """Write an object in the place of the one whose resource version it has.

        Raises:
            Conflict: that one is not there any more.
            ApiError: it cannot be written.
        """
        return await self._request("PUT", path, body)

    async def patch(self, path: str, body: Object) -> Object:
        """Merge into an object.

        Raises:
            ApiError: it cannot be written.
        """
        return await self._request("PATCH", path, body, content_type=MERGE)

    async def delete(self, path: str, **query: str) -> None:
        """Delete an object; that there is none is fine.

        Raises:
            ApiError: it cannot be deleted.
        """
        try:
            await self._request("DELETE", path, query=query)
        except NotFound:
            pass

    async def _request(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        *,
        query: dict[str, str] | None = None,
        content_type: str = "application/json",
    ) -> Object:
        session = await self._opened()
        address = self._server.join(URL(path))
        if address.path != path:
            # A name of somebody's in it that leads elsewhere would be asked for with the operator's rights.
            raise ApiError(0, f"{path} is no path of Kubernetes' API")
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type, "Accept": "application/json"}
        try:
            async with session.request(method, address, data=data, params=query, headers=headers) as response:
                answer = await response.text()
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ApiError(0, f"Kubernetes' API cannot be reached: {str(error) or type(error).__name__}") from None
        try:
            found = json.loads(answer)
        except ValueError:
            found = {"message": answer[:200]}
        if status < 400:
            return found if isinstance(found, dict) else {}
        if status == 401:
            self._read_at = 0.0
        text = f"{method} {path}: {found.get('message') or status}"
        raise {404: NotFound, 409: Conflict}.get(status, ApiError)(status, text)

    async def _opened(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._session is None or self._clock() - self._read_at > LOGIN_AGE:
                info = await asyncio.to_thread(self._log_in)
                # Requests under way on the present one end by themselves, long before the next log-in.
                if self._retired is not None:
                    await self._retired.close()
                self._retired, self._session = self._session, self._new_session(info)
                self._server = URL(info.server)
                self._read_at = self._clock()
            return self._session

    def _log_in(self) -> kopf.ConnectionInfo:
        try:
            info = self._login()
        except (OSError, ValueError, LookupError, kopf.LoginError) as error:
            raise ApiError(0, f"no way to log in to Kubernetes: {error}") from None
        if info is None:
            raise ApiError(
                0, "no way to log in to Kubernetes: this is no pod with a service account, and no KUBECONFIG"
            )
        return info

    @staticmethod
    def _new_session(info: kopf.ConnectionInfo) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=16, ssl=info.as_ssl_context()),
            headers=info.as_http_headers(),
            timeout=TIMEOUT,
        )
