"""Times as people type them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from rosey_cli.failure import Failure
from rosey_core.service import BAD_CONFIGURATION

_AGO: Final = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>[smhd])")
_SECONDS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def moment(option: str, text: str, now: float) -> float:
    """Unix seconds from ``2026-11-20`` or ``2026-11-20T18:00``, in local time unless it says otherwise, or from
    ``2h``: so long ago.

    Args:
        option: by which it was given, as ``--since``.
        text: what was typed.
        now: Unix seconds.

    Raises:
        Failure: it is neither.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago is not None:
        return now - float(ago["number"]) * _SECONDS[ago["unit"]]
    try:
        return datetime.fromisoformat(text.strip()).timestamp()
    except (ValueError, OverflowError, OSError):
        raise Failure(
            f"{option}: {text!r} is no time: write 2026-11-20T18:00, or 30m, 2h or 7d for so long ago",
            BAD_CONFIGURATION,
        ) from None
