"""Write docs/commands.md from the bot's registry: every command with its form, its rank and an example.

``--check`` writes nothing and fails where the document is not what the registry says.
"""

from __future__ import annotations

import sys
from typing import Final

from rosey_bot.commands.answers import rank_title
from rosey_bot.commands.arguments import LONGEST_DURATION
from rosey_bot.commands.chat import LONGEST_SPEECH
from rosey_bot.commands.media_urls import LIVE_TYPES, TYPES
from rosey_bot.commands.pages import PAGE
from rosey_bot.commands.registry import Command
from rosey_bot.commands.router import PUBLIC_PREFIX, default_registry
from rosey_bot.commands.turns import UNDER_WAY
from rosey_bot.cytube.text import LONGEST_MESSAGE
from rosey_bot.cytube.throttle import BURST, INTERVAL
from rosey_bot.cytube.waiting import SHORT
from rosey_bot.room.users import ADMIN, MODERATOR
from rosey_core.config.models import Bot
from tools.generated import ROOT, write_or_compare

DOCUMENT: Final = ROOT / "docs/commands.md"

EXAMPLES: Final = {
    "help": "help add",
    "info": "info",
    "status": "status",
    "users": "users",
    "more": "more",
    "stats": "stats",
    "user": "user Alice",
    "afk": "afk on",
    "say": "say The film begins at nine",
    "pm": "pm Alice see you at nine",
    "clear": "clear",
    "playlist": "playlist 10",
    "add": "add https://youtu.be/dQw4w9WgXcQ no",
    "remove": "remove #3",
    "move": "move 5 2",
    "current": "current",
    "jump": 'jump "the second film"',
    "next": "next",
    "pause": "pause",
    "voteskip": "voteskip",
    "kick": "kick Alice being loud",
    "quiet": "quiet 1h30m",
    "maintenance": "maintenance on",
}

HEADER: Final = f"""# Commands

Written by `make documents` from the bot's registry; CI compares. Plugins add others ([plugins.md](plugins.md)).

Commands are sent to the bot by private message. It obeys whoever is in the room with the command's rank in this
channel, and answers nobody below rank {MODERATOR}, not even with a refusal. Names of commands, users and items match in
any case; where nothing matches, the nearest is offered. In chat, with `{PUBLIC_PREFIX}` before them, some are open to
everybody.

An answer says what CyTube did, not what was asked: a command that changes the room waits until CyTube shows it, and
otherwise says what CyTube said, which rank is needed, or that no answer came.

| form | what it does | rank | changes the room | example |
|---|---|---|---|---|
"""

_BOT: Final = Bot()
_RATE: Final = 1 / INTERVAL

FOOTER: Final = f"""
`[...]` may be left out. `#` is a position as CyTube's list shows it, from 1, as `3` or `#3`, or words of the title.
Quotes keep words together: `move "the first film" 2`. A time is `1h30m`, `90m`, `45s` or `1:30:00`, at most
{LONGEST_DURATION // 86400} days. `yes` is as good as `y`, `on` or `true`.

## What add takes

- As long as CyTube finds out:
  {", ".join(TYPES[each] for each in TYPES if each not in LIVE_TYPES)}.
- Live, without an end unless a duration is given: {", ".join(TYPES[each] for each in TYPES if each in LIVE_TYPES)}.

Links as browsers show and share them, embed codes, and `type:id`. What CyTube cannot play any more is refused by name.

## Limits

- CyTube cuts messages at {LONGEST_MESSAGE} characters: what is longer is split at words. More than {PAGE} messages are
  shown a page at a time; `more` shows the next.
- `say` and `pm` send at most {LONGEST_SPEECH} messages at once.
- A user may have {UNDER_WAY} commands under way; what is beyond is refused, and said once.
- CyTube takes 20 messages at once and then ten a second; the bot sends {BURST}, and then {_RATE:g} a second. Those
  whom it answers take turns, a message each; who was sent nothing lately and gets at most {SHORT} messages goes first.
  So `stats` and `user` are answered within a second, whatever others have asked. What is left is CyTube's own bound: of
  *n* who get *k* such messages each in the same moment, the last waits (*n* - 1) * *k* / {_RATE:g} s where no burst is
  left (at CyTube's own rate: / 10 s). One's own answers come in the order of one's commands: who floods waits.
- In chat a user is answered once in {_BOT.user_cooldown:g} s (`bot.user_cooldown`), a channel once in
  {_BOT.channel_cooldown:g} s (`bot.channel_cooldown`). What comes sooner gets no answer.

## Quiet and maintenance

While the bot is *quiet* it says nothing in chat: `say` is refused, `!` commands get no answer, and messages that
programs have queued wait until it speaks again. Private messages are answered as ever.

During *maintenance* every command that changes the room is refused to whoever has less than {rank_title(ADMIN)}. That
is the least rank which CyTube trusts with a channel's rights and ranks: who maintains a channel is never locked out by
a moderator, who can neither begin nor end it. Commands that only tell go on to work.

Both are kept for each channel over reconnections and restarts, in `bot.spool_dir`, and in NATS: so they go with a
channel from bot to bot. What a bot is told while NATS is away reaches the others when NATS is back; the later word
holds.

## On record

Each command by private message makes one row: who, when, what was typed, what came of it. Passwords and other secrets
of the configuration are masked. `rosey audit --channel NAME --user NAME --command NAME --since 3h` searches; `--json`
gives one JSON object a line.

Times in answers are in the time zone `bot.timezone` (default: `{_BOT.timezone}`).
"""


def _row(command: Command) -> str:
    form = command.usage.replace("|", "\\|")
    who = f"{command.rank:g}" + (f", everybody with `{PUBLIC_PREFIX}`" if command.is_public else "")
    changes = "yes" if command.is_act else ""
    return f"| `{form}` | {command.summary} | {who} | {changes} | `{EXAMPLES[command.name]}` |"


def document() -> str:
    """The whole document."""
    return HEADER + "\n".join(map(_row, default_registry())) + "\n" + FOOTER


if __name__ == "__main__":
    sys.exit(write_or_compare({DOCUMENT: document()}, source="the registry says"))
