"""Write docs/api.md from the routes: what external programs may ask and post over HTTP.

``--check`` writes nothing and fails where the document is not what the code says.
"""

from __future__ import annotations

import sys
from http import HTTPStatus
from typing import Final

from msgspec import inspect as types

from rosey_database.api import authorization, posting_rate, reading, server
from rosey_database.api.routes import OPENAPI, ROUTES, Route
from rosey_database.tables.tokens import PREFIX_MIN, USE_KEPT_S
from tools.contract import summary, type_name
from tools.generated import ROOT, write_or_compare

DOCUMENT: Final = ROOT / "docs/api.md"

HEADER: Final = f"""# The HTTP API

Written by `make documents` from `rosey_database.api`; CI compares. For programs that read statistics or post messages
and speak no NATS: the database service answers them, by the same code that answers over NATS. It is off until the
configuration says otherwise:

```yaml
database:
  api: {{enabled: true, host: 127.0.0.1, port: 8090}}
```

It speaks plain HTTP. Beyond this machine put a proxy with TLS before it, which also bounds what each address may ask.
In a container the host is `0.0.0.0`, and the port published: Compose has both in comments.

## A token

Every request shows one. Make it beside the service, at work or not, for each program its own, and with `--read-only`
where the program does not post:

```
umask 077
printf 'Authorization: {authorization.SCHEME} %s\\n' "$(rosey token create --description 'the web page')" > rosey.header
rosey token list
rosey token revoke ABCDEFGH
```

The token is on standard output alone, this once; the database keeps its hash. `curl` reads it from the file, so that it
stands on no command line. Revoke it by the first {PREFIX_MIN} characters, as `list` shows them, or whole on standard
input with `rosey token revoke -`; the next request with it is refused. A use is written down at most once in
{USE_KEPT_S} s. Where there is no `rosey up`, `--database FILE` names the database. In containers the service's own
program does the same:

```
docker compose exec database rosey-database token list --database /var/lib/rosey/rosey.db
kubectl exec --namespace rosey deployment/rosey-database -- \\
  rosey-database token create --database /var/lib/rosey/rosey.db --description 'the web page'
```

## Ask and post

```
curl -H @rosey.header 'http://127.0.0.1:8090/v1/channel_stats?channel=lobby'
curl -H @rosey.header 'http://127.0.0.1:8090/v1/user_stats?username=Ann'
curl -H @rosey.header --json '{{"message": "hello, room"}}' http://127.0.0.1:8090/v1/messages
```

| route | parameters (**required**) | what | answer |
|---|---|---|---|
"""

FOOTER: Final = f"""
`channel` is the channel's key; without it the default channel is meant. The fields of each answer are those of the same
request in the [contract](contract.md#requests). `GET {OPENAPI}` has all of this as OpenAPI 3.1.

**202** means that the message is on disk and will be posted once, or given up as [said there](event-path.md); its
`message_id` is the number that the contract's events on outcomes carry. Who gets no answer cannot know, and posts a
second message by asking again.

## Refusals

As RFC 9457 has them, `application/problem+json`, with a sentence in `detail`:

| status | why |
|---|---|
| 400 | a parameter that is bad, missing, unknown or there twice: the sentence begins with its name |
| 401 | no token, an unknown one, or a revoked one; one in the address does not count |
| 403 | a message with a token that may only read |
| 404, 405 | no such route; not by this method (`Allow`) |
| 408, 413, 415 | a body that takes longer than {reading.BODY_SECONDS:g} s, has more than {reading.BODY_BYTES >> 10} KiB, or is no `{reading.JSON}` |
| 429 | a token that posts more than {posting_rate.BURST} messages at once, and then one each {posting_rate.INTERVAL_S:g} s (`Retry-After`) |
| 503 | over {server.CONCURRENCY} requests at once, or the database cannot answer now; nothing was stored (`Retry-After`) |

A service that stands by, while another one stores, answers like that one. No log, metric or trace has a token in it.
"""  # noqa: E501


def row(route: Route) -> str:
    """The table's line of a route."""
    information = types.type_info(route.kind)
    assert isinstance(information, types.StructType)
    parameters = []
    for field in information.fields:
        said = type_name(field.type).removesuffix(" or null")
        parameters.append(
            f"**`{field.encode_name}`** ({said})" if field.required else f"`{field.encode_name}` ({said})"
        )
    status = HTTPStatus(route.status)
    return (
        f"| `{route.method} {route.path}` | {', '.join(parameters)} | {summary(route.kind)} | "
        f"{status.value}, as `{route.kind.SUBJECT}` |"
    )


def api() -> str:
    """The whole document."""
    return HEADER + "\n".join(map(row, ROUTES.values())) + "\n" + FOOTER


if __name__ == "__main__":
    sys.exit(write_or_compare({DOCUMENT: api()}, source="the code says"))
