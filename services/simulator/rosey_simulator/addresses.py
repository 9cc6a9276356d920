"""Network addresses as moderators see them."""

from __future__ import annotations

import base64
import functools
import hashlib


@functools.lru_cache(maxsize=65536)
def masked(address: str) -> str:
    """The address with each of its prefixes hashed, like "+Jk.SFS.KPy.lyl" (PROTOCOL section 4).

    Two addresses of one network share the leading groups; the address itself cannot be read from it.
    """
    parts = address.replace(":", ".").split(".")[:4]
    groups = []
    for length in range(1, len(parts) + 1):
        digest = hashlib.sha256(".".join(parts[:length]).encode()).digest()
        groups.append(base64.b64encode(digest).decode()[:3])
    return ".".join(groups)
