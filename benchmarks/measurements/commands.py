"""How fast the bot answers moderators when it has little else to do."""

from __future__ import annotations

from typing import Final

from benchmarks.histogram import Histogram
from benchmarks.measurements.sample import Sample, Scale
from benchmarks.pipeline import Pipeline
from benchmarks.verdict import Verdict

RATE: Final = 20.0
QUESTIONS: Final = (
    ("help", "Commands: "),
    ("help add", "add <url>"),
    ("info", "Bot: "),
    ("status", "Up for "),
    ("users", "22 users: "),
    ("current", "Nothing is playing"),
    ("afk", "The bot is not AFK"),
    ("quiet", "The bot speaks in chat"),
    ("playlist", "The playlist is empty"),
    ("remove 0", "Usage: remove <#>"),
    ("add nonsense", "Not added: "),
    ("frobnicate", "Unknown command"),
)
"""Commands that ask neither CyTube nor the database, and how the first frame of the answer begins."""


async def commands(scale: Scale) -> Sample:
    """Open loop, 20 commands a second over 50 channels: from the moment one is due until its answer's first frame.

    The moderators are in the simulator's process; command and answer both go over the bot's socket, and the simulator's
    part in them (formatting, sanitising) is in the figure. Each command is published for the audit meanwhile. A warm-up
    is left out.

    It would lie if many commands were on their way at once, since the bot's rate limit would then be measured: each
    room has 20 messages at a time, and two seconds and a half from one command to the next.
    """
    async with Pipeline() as pipeline:
        await pipeline.ask(QUESTIONS, round(RATE * scale.warm_up), RATE)
        count = round(RATE * scale.seconds * 3)
        answers = Histogram(await pipeline.ask(QUESTIONS, count, RATE))
    values = {
        "command_answer_ms.p50": answers.percentile(50) * 1e3,
        "command_answer_ms.p99": answers.percentile(99) * 1e3,
    }
    return Sample(values, {"answer": answers.as_json()}, Verdict(count, pipeline.commands_unanswered, 0))
