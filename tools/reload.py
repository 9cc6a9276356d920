"""Runs a service from a copy of its code and begins it anew when that changes: so the images of `skaffold dev` start.

``SERVICE`` names the service, ``CODE`` the directory of the copy: a folder a package, as in ``services/``. It is on a
volume of the pod: so the image stays read-only, and what was changed is still there when the container begins anew.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from watchfiles import PythonFilter, run_process

STOP_S: Final = 15
"""Seconds that a service is given to end; it takes ten at most."""


def copied(service: str, code: Path) -> Path | None:
    """The folder with the copy of a service's package, made unless it is there; ``None`` where it is not installed."""
    package = f"rosey_{service}"
    found = find_spec(package)
    if found is None or found.origin is None:
        return None
    folder = code / service
    if not folder.exists():
        # Whole, or not there: a container may be killed meanwhile.
        partial = code / f".{service}"
        shutil.copytree(Path(found.origin).parent, partial / package, dirs_exist_ok=True)
        partial.rename(folder)
    return folder


def main() -> None:
    """Run the service with the arguments of this program until SIGTERM."""
    service, code = os.environ["SERVICE"], Path(os.environ["CODE"])
    folders = [folder for name in ("core", service) if (folder := copied(name, code))]
    os.environ["PYTHONPATH"] = os.pathsep.join(map(str, folders))
    command = shlex.join([f"rosey-{service}", *sys.argv[1:]])
    run_process(*folders, target=command, target_type="command", watch_filter=PythonFilter(), sigint_timeout=STOP_S)


if __name__ == "__main__":
    main()
