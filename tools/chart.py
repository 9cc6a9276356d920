"""What in the chart is made of something else. ``--check`` only compares.

The rights of NATS' users are made of the contract, the chart's README of its values and their schema. Dashboards and
alert rules are copies, since a chart cannot read beyond its own folder. Run by ``make documents``.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from rosey_core import streams, subjects
from tools.generated import ROOT, write_or_compare

CHART: Final = ROOT / "charts" / "rosey"
README: Final = CHART / "README.md"
PERMISSIONS: Final = CHART / "files" / "nats-permissions.yaml"
COPIED: Final = {
    ROOT / "observability" / "dashboards": CHART / "files" / "dashboards",
    ROOT / "observability" / "alerts": CHART / "files" / "alerts",
}
"""Folders of which the chart has a copy."""

BOT_ASKS: Final = (subjects.QUERY_CHANNEL_STATS, subjects.QUERY_USER_STATS, subjects.OUTBOUND_CLAIM)
"""The requests that the bot makes."""
BENCHMARK: Final = (
    subjects.MESSAGE_LOG,
    subjects.USER_JOINED,
    subjects.USER_LEFT,
    subjects.PM_COMMAND,
    subjects.QUERY_CHANNEL_STATS,
    subjects.QUERY_RECENT_MESSAGES,
    subjects.QUERY_AUDIT,
)
"""What the benchmark publishes and asks, in a channel of its own."""


def _in_every_form(known: tuple[str, ...]) -> list[str]:
    return [form for subject in known for form in subjects.in_every_form(subject)]


def _following(bucket: str) -> tuple[str, ...]:
    """To follow a bucket is to make a consumer of its stream."""
    return (
        f"$JS.API.STREAM.INFO.{bucket}",
        f"$JS.API.CONSUMER.CREATE.{bucket}",
        f"$JS.API.CONSUMER.CREATE.{bucket}.>",
        f"$JS.API.CONSUMER.INFO.{bucket}.*",
        f"$JS.API.CONSUMER.DELETE.{bucket}.*",
        f"$JS.FC.{bucket}.>",
    )


def permissions() -> dict[str, dict[str, list[str]]]:
    """What each service may publish and subscribe to, and nothing beyond."""
    events = streams.EVENTS
    added, status = f"KV_{streams.ADDED_CHANNELS}", f"KV_{streams.CHANNEL_STATUS}"
    manners, leases = f"KV_{streams.CHANNEL_MANNERS}", f"KV_{streams.LEASES}"
    made = (streams.EVENTS, streams.DEAD_LETTERS, added, status, manners, leases)
    return {
        "bot": {
            "publish": [
                *subjects.event_patterns(),
                *_in_every_form(BOT_ASKS),
                f"$KV.{streams.CHANNEL_STATUS}.>",
                f"$KV.{streams.LEASES}.>",
                f"$JS.API.STREAM.INFO.{status}",
                f"$KV.{streams.CHANNEL_MANNERS}.>",
                *(subject for bucket in (added, manners, leases) for subject in _following(bucket)),
            ],
            "subscribe": ["_INBOX.rosey-bot.>", f"{subjects.OUTBOUND_WAITING}.*"],
        },
        "database": {
            "publish": [
                # Answers go where they are asked for. allow_responses would remember each message that comes with a
                # reply subject, as every one of the stream does, and look through all of them for each new one.
                "_INBOX.>",
                f"{subjects.DEAD_LETTERS}.>",
                f"{subjects.OUTBOUND_WAITING}.*",
                "$JS.API.INFO",
                *(f"$JS.API.STREAM.{verb}.{stream}" for stream in made for verb in ("CREATE", "UPDATE", "INFO")),
                f"$JS.API.STREAM.MSG.GET.{events}",
                f"$JS.API.CONSUMER.CREATE.{events}",
                f"$JS.API.CONSUMER.CREATE.{events}.>",
                f"$JS.API.CONSUMER.DELETE.{events}.*",
                f"$JS.API.CONSUMER.MSG.NEXT.{events}.*",
            ],
            "subscribe": ["_INBOX.rosey-database.>", "$SRV.>", *_in_every_form(subjects.REQUESTS)],
        },
        "operator": {
            "publish": [
                f"$KV.{streams.ADDED_CHANNELS}.>",
                *(subject for bucket in (added, status) for subject in _following(bucket)),
            ],
            "subscribe": ["_INBOX.rosey-operator.>"],
        },
        "benchmark": {
            # The chart puts the channel's key there.
            "publish": [f"{subject}.CHANNEL" for subject in BENCHMARK],
            "subscribe": ["_INBOX.rosey-benchmark.>"],
        },
    }


def permissions_file() -> str:
    """The text of ``files/nats-permissions.yaml``."""
    head = "# Made by `make documents` from the contract. What each service may do in NATS; templates/nats reads it.\n"
    return head + yaml.safe_dump(permissions(), sort_keys=False)


HEAD: Final = """\
# The chart rosey

<!-- Made by `make documents` from values.yaml and values.schema.json. -->

{description}

```
helm install rosey charts/rosey --namespace rosey --create-namespace --wait
helm test rosey --namespace rosey --logs
```

A default installation is ready, sits in no channel, and says how to add one. With `--set simulator.enabled=true` it
sits in a simulated channel with a crowd. [docs/deploy/kubernetes.md](../../docs/deploy/kubernetes.md) tells of
channels, upgrades, backups and what stays when it is uninstalled.

Kubernetes {kubernetes}, Helm 3. Values that are not in this table, or not of their type, are refused.

| key | default | what it is |
|---|---|---|
"""


def _options(schema: dict[str, Any], values: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Key, default and description of each option, sections before what is in them."""
    for name, option in schema["properties"].items():
        here = f"{path}{name}"
        value = values.get(name) if isinstance(values, dict) else None
        yield here, _default(option, value), option["description"]
        if "properties" in option:
            yield from _options(option, value, f"{here}.")
        if "properties" in option.get("items", {}):
            yield from _options(option["items"], None, f"{here}[].")


def _default(option: dict[str, Any], value: Any) -> str:
    if "properties" in option or value is None:
        return ""
    return f"`{json.dumps(value)}`"


def readme() -> str:
    """The text of the chart's ``README.md``."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    schema = json.loads((CHART / "values.schema.json").read_text())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    rows = [
        f"| `{key}` | {default} | {description.replace('|', chr(92) + '|')} |"
        for key, default, description in _options(schema, values)
        if key not in ("global", "crds")
    ]
    kubernetes = chart["kubeVersion"].removeprefix(">=").removesuffix(".0-0") + " or newer"
    return HEAD.format(description=chart["description"], kubernetes=kubernetes) + "\n".join(rows) + "\n"


def copies() -> dict[Path, str]:
    """The text of each file in the folders of ``COPIED``, by the place of its copy."""
    return {
        copy / file.name: file.read_text(encoding="utf-8")
        for folder, copy in COPIED.items()
        for file in sorted(folder.iterdir())
    }


def main() -> int:
    """Write or compare."""
    texts = {PERMISSIONS: permissions_file(), README: readme(), **copies()}
    return write_or_compare(texts, source="it is made of", folders=[*COPIED.values()])


if __name__ == "__main__":
    sys.exit(main())
