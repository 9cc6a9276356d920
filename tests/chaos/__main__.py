"""``python -m tests.chaos``: kill real processes under load; the last line is one JSON object."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.bot import BotPlan, BotScenario
from tests.chaos.scenario import Plan, Scenario
from tests.support.verdict import Verdict


def main() -> int:
    """Run; exit code 1 where an event was lost, doubled or reordered."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="default: chance")
    parser.add_argument("--rate", type=int, default=5000, help="events a second (default: %(default)s)")
    parser.add_argument("--database-kills", type=int, default=100, help="SIGKILLs of a database service (%(default)s)")
    parser.add_argument("--nats-kills", type=int, default=20, help="SIGKILLs of nats-server (default: %(default)s)")
    parser.add_argument("--pauses", type=int, default=20, help="SIGSTOPs of a database service (default: %(default)s)")
    parser.add_argument("--bot-kills", type=int, default=20, help="SIGKILLs of the bot (default: %(default)s)")
    parser.add_argument("--simulator-kills", type=int, default=20, help="SIGKILLs of CyTube (default: %(default)s)")
    parser.add_argument("--nats-away", type=float, default=60.0, help="seconds without NATS (default: %(default)s)")
    parser.add_argument("--set-backs", type=int, default=2, help="streams set back (default: %(default)s)")
    options = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    plan = Plan(
        seed=options.seed,
        rate=options.rate,
        database_kills=options.database_kills,
        nats_kills=options.nats_kills,
        pauses=options.pauses,
        set_backs=options.set_backs,
    )
    bot_plan = BotPlan(
        seed=options.seed, bot_kills=options.bot_kills, cytube_kills=options.simulator_kills, away_s=options.nats_away
    )
    say = partial(print, file=sys.stderr)
    say(f"seed {plan.seed}")
    result: dict[str, Any] = {"seed": plan.seed, "kills": {}, "sent": 0, "lost": 0, "doubled": 0, "reordered": 0}
    with tempfile.TemporaryDirectory(prefix="rosey-chaos-") as directory:
        if plan.disturbances():
            outcome = asyncio.run(Scenario(plan, Path(directory), say).run())
            result["kills"] |= outcome.kills
            add(result, outcome.verdict)
        if bot_plan.disturbances() or bot_plan.away_s:
            scenario = BotScenario(bot_plan, Path(directory), say)
            add(result, asyncio.run(scenario.run()))
            result["kills"] |= {"bot": bot_plan.bot_kills, "simulator": bot_plan.cytube_kills}
            result["answer_without_nats_ms"] = scenario.answer_seconds and round(scenario.answer_seconds * 1000, 1)
    print(json.dumps(result))
    return 1 if result["lost"] or result["doubled"] or result["reordered"] else 0


def add(result: dict[str, Any], verdict: Verdict) -> None:
    """Add a part's verdict to the whole."""
    for name in ("sent", "lost", "doubled", "reordered"):
        result[name] += getattr(verdict, name)


if __name__ == "__main__":
    sys.exit(main())
