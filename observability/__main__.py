"""Write observability/dashboards/*.json; ``--check`` fails where one is not what Python says.

Run as ``python -m observability``.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from observability import channel, database_nats, event_path, overview

BOARDS: Final = (overview.BOARD, event_path.BOARD, channel.BOARD, database_nats.BOARD)
DIRECTORY: Final = Path(__file__).parent / "dashboards"


def main() -> int:
    """Write or compare."""
    texts = {DIRECTORY / f"{board.name}.json": board.to_json() for board in BOARDS}
    if "--check" not in sys.argv:
        for file, text in texts.items():
            file.write_text(text, encoding="utf-8")
        return 0
    stale = [file.name for file, text in texts.items() if not file.exists() or file.read_text("utf-8") != text]
    unknown = [file.name for file in DIRECTORY.glob("*.json") if file not in texts]
    if stale or unknown:
        sys.stderr.write(f"{', '.join(stale + unknown)}: not what Python says: run `make documents`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
