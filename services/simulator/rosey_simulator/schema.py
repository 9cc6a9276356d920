"""The frames of clients that CyTube checks key by key (PROTOCOL section 11)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


class SchemaError(Exception):
    """A frame does not have the shape it must have; the text goes to the sender."""


# Types of each key as CyTube names them: several mean any of them, "optional" that the key may be missing.
SCHEMAS: Mapping[str, Mapping[str, str]] = {
    "chatMsg": {"msg": "string", "meta": "object,optional"},
    "pm": {"msg": "string", "to": "string", "meta": "object,optional"},
    "queue": {
        "id": "string,boolean",
        "type": "string",
        "pos": "string",
        "title": "string,boolean,optional",
        "duration": "number,string,optional",
        "temp": "boolean,optional",
    },
    "setTemp": {"uid": "number", "temp": "boolean"},
    "moveMedia": {"from": "number", "after": "string,number"},
    "assignLeader": {"name": "string"},
    "mediaUpdate": {
        "id": "string",
        "currentTime": "number",
        "paused": "boolean,optional",
        "type": "string,optional",
    },
    "clonePlaylist": {"name": "string"},
    "deletePlaylist": {"name": "string"},
    "queuePlaylist": {"name": "string", "pos": "string", "temp": "boolean,optional"},
    "newPoll": {
        "title": "string",
        "timeout": "number,optional",
        "obscured": "boolean",
        "retainVotes": "boolean,optional",
        "opts": "array",
    },
    "vote": {"option": "number"},
    "setChannelRank": {"name": "string", "rank": "number"},
    "unban": {"id": "number", "name": "string"},
    "setMotd": {"motd": "string"},
    "setChannelCSS": {"css": "string"},
    "setChannelJS": {"js": "string"},
    "uncache": {"id": "string"},
    "searchMedia": {"source": "string,optional", "query": "string"},
}


def type_name(value: object) -> str:
    """The JavaScript name of a JSON value's type; numbers that JSON does not know are none."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int():
            return "number"
        case float():
            return "number" if math.isfinite(value) else "NaN"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def check(event: str, args: list[Any]) -> None:
    """Raises SchemaError when `args` are not what CyTube takes for `event`."""
    schema = SCHEMAS.get(event)
    if schema is None:
        return
    payload = args[0] if args else None
    found = "undefined" if not args else type_name(payload)
    if not isinstance(payload, dict):
        raise SchemaError(f"Unexpected error for message {event}: Expected type object, got {found}")
    for key, kinds in schema.items():
        allowed = kinds.split(",")
        if key not in payload:
            if "optional" not in allowed:
                raise SchemaError(f"Unexpected error for message {event}: Missing key: {kinds}:{key}")
        elif type_name(payload[key]) not in allowed:
            raise SchemaError(
                f"Unexpected error for message {event}: Expected key {key} to be of type {kinds}, "
                f"instead got {type_name(payload[key])}"
            )
    for key in payload:
        if key not in schema:
            raise SchemaError(f"Unexpected error for message {event}: Extra key: {key}")
