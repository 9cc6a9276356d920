"""Write observability/dashboards/*.json; ``--check`` fails where one is not what Python says.

Run as ``python -m observability``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from observability import benchmarks, channel, database_nats, event_path, operator, overview, pool
from tools.generated import write_or_compare

BOARDS: Final = (
    overview.BOARD,
    event_path.BOARD,
    channel.BOARD,
    pool.BOARD,
    database_nats.BOARD,
    operator.BOARD,
    benchmarks.BOARD,
)
DIRECTORY: Final = Path(__file__).parent / "dashboards"


def main() -> int:
    """Write or compare."""
    texts = {DIRECTORY / f"{board.name}.json": board.to_json() for board in BOARDS}
    return write_or_compare(texts, source="Python says", folders=[DIRECTORY])


if __name__ == "__main__":
    sys.exit(main())
