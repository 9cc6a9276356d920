"""What tells the runs of this checkout from others in the same cluster: their namespaces and their images' tags.

By the checkout, and not by chance: what a run that was killed has left, the next one finds and takes away.
``ROSEY_CLUSTER_RUN`` is another name for a run, for a second one from the same checkout.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import tempfile
from pathlib import Path
from typing import IO, Final

ROOT: Final = Path(__file__).resolve().parents[2]
_OWN: Final = hashlib.sha256(f"{platform.node()}:{ROOT}".encode()).hexdigest()[:6]
RUN: Final = os.environ.get("ROSEY_CLUSTER_RUN", _OWN).replace("-", "")
"""Without a dash, so that no name is the beginning of another."""
PREFIX: Final = f"rosey-test-{RUN}-"
"""With this begin the names of its namespaces."""
WORKER: Final = os.environ.get("PYTEST_XDIST_WORKER")
"""Which of several processes of a run this is; ``None`` if it is the only one."""
LABEL: Final = f"rosey.chat/test-run={RUN}"
"""On every namespace that a run makes."""


class InUse(Exception):
    """There is a run of this name already."""


def namespace(name: str) -> str:
    """The name of a namespace that no other run and no other process of this one uses."""
    return PREFIX + "-".join(part for part in (WORKER, name) if part)


def tag(name: str) -> str:
    """The tag of an image that no other run uses."""
    return f"{name}-{RUN}"


def claim() -> IO[str]:
    """Take the name of this run, for as long as the file that is returned is open.

    Raises:
        InUse: another process has it.
    """
    file = (Path(tempfile.gettempdir()) / f"rosey-test-{RUN}.lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise InUse(
            f"the cluster tests of {ROOT} run already, as {RUN}: name this run with ROSEY_CLUSTER_RUN=..."
        ) from None
    return file
