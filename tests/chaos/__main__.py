"""``python -m tests.chaos``: kill real processes under load; the last line is one JSON object."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.scenario import Plan, Scenario


def main() -> int:
    """Run; exit code 1 where an event was lost, doubled or reordered."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32), help="default: chance")
    parser.add_argument("--rate", type=int, default=5000, help="events a second (default: %(default)s)")
    parser.add_argument("--database-kills", type=int, default=100, help="SIGKILLs of a database service (%(default)s)")
    parser.add_argument("--nats-kills", type=int, default=20, help="SIGKILLs of nats-server (default: %(default)s)")
    parser.add_argument("--pauses", type=int, default=20, help="SIGSTOPs of a database service (default: %(default)s)")
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
    print(f"seed {plan.seed}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="rosey-chaos-") as directory:
        scenario = Scenario(plan, Path(directory), lambda text: print(text, file=sys.stderr))
        outcome = asyncio.run(scenario.run())
    print(json.dumps(outcome.as_json()))
    return 0 if outcome.verdict.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
