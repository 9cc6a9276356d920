"""Choose the versions that Rosey is tested with: requirements/*.txt, exact and with hashes.

Run by ``make lock``. ``--universal`` makes one file serve every platform and Python from 3.11 on; index addresses are
left out, so that plain pip installs the file from whatever index it is set up for.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OWN = ("core", "bot", "database", "simulator")
LOCKS = {"requirements/dev.txt": ["core", "bot", "database", "simulator", "cli"]}


def compile_lock(target: str, services: list[str]) -> None:
    """Write one requirements file for these services and the tools of a checkout."""
    command = [str(ROOT / ".venv/bin/uv"), "pip", "compile", "--quiet", "--upgrade", "--universal"]
    command += ["--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--output-file", target]
    for service in OWN:
        command += ["--no-emit-package", f"rosey-{service}"]
    command += [f"services/{service}/pyproject.toml" for service in services] + ["requirements/dev.in"]
    subprocess.run(command, cwd=ROOT, check=True)


if __name__ == "__main__":
    for name, parts in LOCKS.items():
        print(f"choosing versions for {name}", file=sys.stderr)
        compile_lock(name, parts)
