"""Why a JSON text is refused, in words that do not mislead."""

from __future__ import annotations

import json
from typing import Final

LONE_SURROGATE: Final = "half of a surrogate pair (\\ud800 to \\udfff) stands alone in a text: that is no character"


def reason(error: Exception, text: bytes) -> str:
    """What msgspec's ``error`` says of ``text``.

    Of half of a surrogate pair msgspec says that the text is truncated. Python's own decoder takes such halves, and no
    text that is truncated.
    """
    said = str(error)
    if "truncated" not in said and "surrogate" not in said:
        return said
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return said
    return LONE_SURROGATE
