"""The routes of the API: one for each request of the contract that an external program may make."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from rosey_core import queries
from rosey_core.queries import Request

VERSION: Final = "/v1"
OPENAPI: Final = f"{VERSION}/openapi.json"
"""Where the API describes itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One route; its parameters are the fields of its request, its answer is the request's ``REPLY``.

    Attributes:
        method: ``GET``, with the parameters in the address, or ``POST``, with an object of them.
        kind: the request.
        status: of a good answer.
    """

    method: str
    path: str
    kind: type[Request]
    status: HTTPStatus = HTTPStatus.OK

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters."""
        return self.kind.__struct_fields__


ROUTES: Final[dict[str, Route]] = {
    route.path: route
    for route in (
        Route(method="GET", path=f"{VERSION}/channel_stats", kind=queries.ChannelStats),
        Route(method="GET", path=f"{VERSION}/user_stats", kind=queries.UserStats),
        Route(method="GET", path=f"{VERSION}/count_history", kind=queries.CountHistory),
        Route(method="GET", path=f"{VERSION}/recent_chat", kind=queries.RecentChat),
        Route(method="GET", path=f"{VERSION}/media_history", kind=queries.MediaHistory),
        Route(method="GET", path=f"{VERSION}/status", kind=queries.Status),
        Route(method="POST", path=f"{VERSION}/messages", kind=queries.EnqueueMessage, status=HTTPStatus.ACCEPTED),
    )
}
"""By their paths."""
