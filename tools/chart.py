"""What in the chart is made of something else: the rights of NATS users, of the contract. ``--check`` only compares.

Run by ``make documents``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import yaml

from rosey_core import streams, subjects

ROOT: Final = Path(__file__).resolve().parent.parent
CHART: Final = ROOT / "charts" / "rosey"
PERMISSIONS: Final = CHART / "files" / "nats-permissions.yaml"

BOT_ASKS: Final = (subjects.QUERY_CHANNEL_STATS, subjects.QUERY_USER_STATS, subjects.OUTBOUND_CLAIM)
"""The requests that the bot makes."""


def _in_every_form(known: tuple[str, ...]) -> list[str]:
    return [form for subject in known for form in subjects.in_every_form(subject)]


def permissions() -> dict[str, dict[str, list[str]]]:
    """What the bot and the database service may publish and subscribe to, and nothing beyond."""
    events = streams.EVENTS
    added, status = f"KV_{streams.ADDED_CHANNELS}", f"KV_{streams.CHANNEL_STATUS}"
    made = (streams.EVENTS, streams.DEAD_LETTERS, added, status)
    return {
        "bot": {
            "publish": [
                *subjects.event_patterns(),
                *_in_every_form(BOT_ASKS),
                f"$KV.{streams.CHANNEL_STATUS}.>",
                f"$JS.API.STREAM.INFO.{status}",
                # To follow a bucket is to make a consumer of its stream.
                f"$JS.API.STREAM.INFO.{added}",
                f"$JS.API.CONSUMER.CREATE.{added}",
                f"$JS.API.CONSUMER.CREATE.{added}.>",
                f"$JS.API.CONSUMER.INFO.{added}.*",
                f"$JS.API.CONSUMER.DELETE.{added}.*",
                f"$JS.FC.{added}.>",
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
    }


def permissions_file() -> str:
    """The text of ``files/nats-permissions.yaml``."""
    head = "# Made by `make documents` from the contract. What each service may do in NATS; templates/nats reads it.\n"
    return head + yaml.safe_dump(permissions(), sort_keys=False)


def main(arguments: list[str]) -> int:
    """Write the files, or compare them; returns the exit code."""
    failed = False
    for path, text in {PERMISSIONS: permissions_file()}.items():
        if arguments != ["--check"]:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            print(f"{path.relative_to(ROOT)} is not what it is made of: make documents", file=sys.stderr)
            failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
