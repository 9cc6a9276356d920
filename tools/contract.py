"""Write docs/contract.md from the types: every subject with its payload, reply, errors and examples.

``--check`` writes nothing and fails where the document is not what the types say.
"""

from __future__ import annotations

import inspect
import json
import re
import shlex
import sys
from typing import Any

import msgspec
from msgspec import inspect as types

from rosey_core import events, queries, streams, subjects
from tools.generated import ROOT, write_or_compare

DOCUMENT = ROOT / "docs/contract.md"
ENVELOPE = ("channel", "timestamp", "platform", "id", "event")

HEADER = f"""# The contract

Written by `make documents` from `rosey_core`; CI compares. Everything here may be used by any NATS client.

To try it, `rosey up --nats-port 4222` has a NATS where the [`nats` command](https://github.com/nats-io/natscli) looks
for one. The Python examples can be pasted into `.venv/bin/python -m asyncio`, after these lines:

```python
import json, nats
nc = await nats.connect('nats://127.0.0.1:4222')
```

## Rules

- Payloads are JSON objects in UTF-8. Unknown fields are ignored; a wrong type, a missing required field or a value
  out of bounds is refused.
- Each subject has a channel-less form, shown here, and a full form with the channel's key as one more token:
  `{subjects.MESSAGE_LOG}.lobby`. A key is a channel's name in lower case, `[a-z0-9_-]{{1,64}}`. The channel in the
  subject wins over one in the payload; where neither names one, the default channel is meant.
- Times are Unix seconds.
- **Versioning**: fields and subjects are only added, with defaults. What is taken away or changes its meaning is a
  breaking change: it gets a new subject, and the old one is served for one release more. CHANGELOG names each.

## Events

Events are kept by the JetStream stream `{streams.EVENTS}`. A plain publish is enough; a publish that asks for
JetStream's ack knows that it is stored. What cannot be decoded goes to `{streams.DEAD_LETTERS}`, on
`{subjects.DEAD_LETTERS}.<subject>`, with the reason in the header `Rosey-Reason`.

Every event may have these fields, the envelope:

| field | type | default | meaning |
|---|---|---|---|
| `channel` | text | the default channel | the channel's key |
| `timestamp` | number | the stream's time | when it happened; over an hour ahead of the stream: the stream's |
| `platform` | text | none | where it comes from, `cytube` |
| `id` | text | its place in the stream | what makes it the same event as another: stored and counted once |

`{subjects.MEDIA_PLAYED}` has the medium's own id in `id`; there the event's is `event`. Publish with the header
`Nats-Msg-Id` set to the id (for commands: id and result, `<id>:<result>`), and NATS drops a quick repeat by itself.
"""

NOTICES = f"""## Notices

By core NATS, kept nowhere, with nothing in them; always in the full form.

### `{subjects.OUTBOUND_WAITING}`

A message waits to be posted in the channel: the service says so when one is queued, and again within two seconds
until it is claimed. So the bot need not ask over and over.

```
nats sub {subjects.OUTBOUND_WAITING}.lobby
```
"""

EXAMPLES: dict[str, dict[str, Any]] = {
    subjects.USER_JOINED: {"username": "Ann"},
    subjects.USER_LEFT: {"username": "Ann"},
    subjects.USER_PRESENT: {"users": [{"username": "Ann", "rank": 2, "afk": False}]},
    subjects.MESSAGE_LOG: {"username": "Ann", "message": "hello"},
    subjects.USER_COUNT: {"chat_count": 12, "connected_count": 15},
    subjects.HIGH_WATER: {"chat_count": 12, "connected_count": 15},
    subjects.STATUS_UPDATE: {"status_data": {"bot_name": "Rosey", "playlist_items": 3}},
    subjects.MEDIA_PLAYED: {"title": "A film", "type": "yt", "id": "abc", "duration": 60, "queued_by": "Ann"},
    subjects.MEDIA_ENDED: {},
    subjects.PLAYLIST_CHANGED: {"action": "queued", "item": {"title": "A film"}, "by": "Ann"},
    subjects.OUTBOUND_MARK_SENT: {"message_id": 1},
    subjects.OUTBOUND_MARK_FAILED: {"message_id": 1, "error": "muted", "permanent": True},
    subjects.PM_COMMAND: {"username": "Ann", "command": "stats", "result": "success"},
    subjects.OUTBOUND_ENQUEUE: {"message": "hello, room"},
    subjects.QUERY_USER_STATS: {"username": "Ann"},
}


def type_name(of: types.Type) -> str:
    """A type in words."""
    match of:
        case types.UnionType(types=members):
            named = [type_name(member) for member in members if not isinstance(member, types.NoneType)]
            nullable = any(isinstance(member, types.NoneType) for member in members)
            return " or ".join(dict.fromkeys(named)) + (" or null" if nullable else "")
        case types.StrType(max_length=limit):
            return f"text, at most {limit}" if limit else "text"
        case types.IntType(ge=low, le=high):
            return "integer" + _bounds(low, high)
        case types.FloatType(ge=low, le=high):
            return "number" + _bounds(low, high)
        case types.BoolType():
            return "true or false"
        case types.LiteralType(values=values):
            return ", ".join(f"`{json.dumps(value)}`" for value in values)
        case types.ListType(item_type=item) | types.VarTupleType(item_type=item):
            return f"list of {type_name(item)}"
        case types.StructType(fields=fields):
            return "{" + ", ".join(f"`{field.encode_name}`" for field in fields) + "}"
        case types.DictType():
            return "object"
        case types.NoneType():
            return "null"
        case _:
            return "any"


def _bounds(low: float | None, high: float | None) -> str:
    if low is not None and high is not None and high < 1e6:
        return f", {low:g} to {high:g}"
    return f", from {low:g}" if low is not None else ""


def for_readers(text: str) -> str:
    """A docstring's text without what only the code's readers need."""
    return re.sub(r" \(PROTOCOL\.md [^)]*\)", "", " ".join(text.split())).replace("``", "`")


def summary(kind: type) -> str:
    """The first paragraph of a type's docstring."""
    return for_readers((inspect.getdoc(kind) or "").split("\n\n")[0])


def attributes(kind: type) -> dict[str, str]:
    """What a type's docstring says of its fields."""
    found: dict[str, str] = {}
    name = ""
    for line in (inspect.getdoc(kind) or "").partition("Attributes:\n")[2].splitlines():
        text = line.strip()
        if line.startswith("    ") and not line.startswith("     ") and ": " in text:
            name, _, said = text.partition(": ")
            found[name] = said
        elif name and text:
            found[name] += " " + text
    return found


def field_table(kind: type, *, leave_out: tuple[str, ...] = ()) -> list[str]:
    """A table of a type's fields."""
    said = attributes(kind)
    rows = []
    information = types.type_info(kind)
    assert isinstance(information, types.StructType)
    for field in information.fields:
        if field.encode_name in leave_out:
            continue
        if field.required:
            default = "required"
        elif field.default is msgspec.NODEFAULT:
            default = "absent"
        else:
            default = f"`{json.dumps(field.default)}`"
        rows.append(
            f"| `{field.encode_name}` | {type_name(field.type)} | {default} | {for_readers(said.get(field.name, ''))} |"
        )
    return ["| field | type | default | meaning |", "|---|---|---|---|", *rows] if rows else ["No fields."]


def event_section(kind: type[events.Event]) -> list[str]:
    """All about one event."""
    own_id = kind is events.MediaPlayed
    leave_out = ("channel", "timestamp", "platform") if own_id else ENVELOPE
    example = json.dumps(EXAMPLES[kind.SUBJECT])
    subject = f"{kind.SUBJECT}.lobby"
    return [
        f"### `{kind.SUBJECT}`",
        "",
        summary(kind),
        "",
        *field_table(kind, leave_out=leave_out),
        "",
        "```",
        f"nats pub {subject} {shlex.quote(example)}",
        "```",
        "```python",
        f"await nc.jetstream().publish({subject!r}, json.dumps({EXAMPLES[kind.SUBJECT]!r}).encode())",
        "```",
        "",
    ]


def request_section(kind: type) -> list[str]:
    """All about one request."""
    subject: str = kind.SUBJECT  # type: ignore[attr-defined]
    reply = kind.REPLY  # type: ignore[attr-defined]
    example = EXAMPLES.get(subject, {})
    lines = [f"### `{subject}`", "", summary(kind), "", "Request:", "", *field_table(kind), "", "Reply:", ""]
    information = types.type_info(reply)
    if isinstance(information, types.ListType) and isinstance(information.item_type, types.StructType):
        lines += ["A list of:", "", *field_table(information.item_type.cls)]
    elif isinstance(information, types.UnionType):
        for member in information.types:
            if isinstance(member, types.StructType):
                lines += [summary(member.cls), "", *field_table(member.cls), ""]
    else:
        lines += field_table(reply)
    return [
        *lines,
        "",
        "```",
        f"nats req {subject} {shlex.quote(json.dumps(example))}",
        "```",
        "```python",
        f"answer = await nc.request({subject!r}, json.dumps({example!r}).encode(), timeout=1)",
        "```",
        "",
    ]


def contract() -> str:
    """The whole document."""
    lines = [HEADER]
    for kind in events.TYPES:
        lines += event_section(kind)
    lines += [
        "## Requests",
        "",
        "Served by the NATS micro-service `rosey-database`. A request that fails is answered with",
        '`{"success": false, "error": "..."}`; an empty payload is an empty object. Without a database service NATS',
        "says at once that nobody responds.",
        "",
    ]
    for request in queries.TYPES:
        lines += request_section(request)
    lines.append(NOTICES)
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    sys.exit(write_or_compare({DOCUMENT: contract()}, source="the types say"))
