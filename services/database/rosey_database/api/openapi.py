"""The API in the words of OpenAPI 3.1, made from the same types that read and answer."""

from __future__ import annotations

import functools
import importlib.metadata
from http import HTTPStatus
from typing import Any, Final

import msgspec

from rosey_database.api.problems import MEDIA_TYPE, ProblemDetails
from rosey_database.api.routes import ROUTES, Route

_TEMPLATE: Final = "#/components/schemas/{name}"
_PROBLEM: Final = {
    "description": "Refused, or it failed; the detail says why.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": _TEMPLATE.format(name=ProblemDetails.__name__)}}},
}


@functools.cache
def document() -> bytes:
    """The document, as JSON."""
    routes = list(ROUTES.values())
    types = [ProblemDetails, *(route.kind for route in routes), *(route.kind.REPLY for route in routes)]
    schemas, components = msgspec.json.schema_components(types, ref_template=_TEMPLATE)
    replies = schemas[1 + len(routes) :]
    for component in components.values():
        # What docstrings say of attributes is for readers of the code.
        component["description"] = component.get("description", "").partition("\n\n")[0].replace("``", "`")
    described = {
        "openapi": "3.1.0",
        "info": {"title": "Rosey", "version": importlib.metadata.version("rosey-database")},
        "security": [{"token": []}],
        "paths": {
            route.path: {route.method.lower(): _operation(route, components, reply)}
            for route, reply in zip(routes, replies, strict=True)
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": components,
        },
    }
    return msgspec.json.encode(described)


def _operation(route: Route, components: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
    request = components[route.kind.__name__]
    operation: dict[str, Any] = {
        "summary": request["description"],
        "operationId": route.path.rpartition("/")[2],
        "responses": {
            str(route.status.value): {
                "description": HTTPStatus(route.status).phrase,
                "content": {"application/json": {"schema": reply}},
            },
            "default": _PROBLEM,
        },
    }
    if route.method == "GET":
        operation["parameters"] = [
            {"name": name, "in": "query", "required": name in request.get("required", ()), "schema": schema}
            for name, schema in request["properties"].items()
        ]
    else:
        body = {"$ref": _TEMPLATE.format(name=route.kind.__name__)}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return operation
