"""Choose the versions that Rosey is tested with: requirements/*.txt, exact and with hashes.

Run by ``make lock``. ``--universal`` makes one file serve every platform and Python from 3.11 on; index addresses are
left out, so that plain pip installs the file from whatever index it is set up for. ``dev.txt`` is chosen first; the
files of the images are what they need of it, in the same versions: what runs there is what was tested here.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OWN = ("core", "bot", "database", "simulator", "operator")
DEV = "requirements/dev.txt"
IMAGES = {
    "requirements/bot.txt": ["core", "bot"],
    "requirements/database.txt": ["core", "database"],
    "requirements/operator.txt": ["core", "operator"],
    "requirements/simulator.txt": ["simulator"],
    "requirements/tools.txt": ["core", "bot", "database", "simulator", "cli"],
}
TOOLS = ("requirements/build", "requirements/development")
"""What makes wheels of the services, since the images are built without build isolation, which would choose by itself;
and what begins a service anew in an image for development."""


def compile_lock(target: str, sources: list[str], *options: str) -> None:
    """Write one requirements file for these files of requirements."""
    command = [str(ROOT / ".venv/bin/uv"), "pip", "compile", "--quiet", "--upgrade", "--universal", *options]
    command += ["--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links", "--output-file", target]
    for service in OWN:
        command += ["--no-emit-package", f"rosey-{service}"]
    subprocess.run([*command, *sources], cwd=ROOT, check=True)


def projects(services: list[str]) -> list[str]:
    """The files in which these services say what they need."""
    return [f"services/{service}/pyproject.toml" for service in services]


if __name__ == "__main__":
    if sys.argv[1:] != ["--images"]:
        print(f"choosing versions for {DEV}", file=sys.stderr)
        compile_lock(DEV, [*projects([*OWN, "cli"]), "requirements/dev.in"])
    for name, parts in IMAGES.items():
        print(f"taking versions for {name}", file=sys.stderr)
        compile_lock(name, projects(parts), "--constraint", DEV)
    for name in TOOLS:
        compile_lock(f"{name}.txt", [f"{name}.in"], "--constraint", DEV)
