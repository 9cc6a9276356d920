"""The chart and the images of an earlier commit, to upgrade from for as long as there is no release."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from tests.cluster.cluster import IMAGES, ROOT, CommandFailed, run
from tests.cluster.images import in_the_cluster

COMMIT: Final = "d03d6fd1f658b3f6f11aa7a61955d2effdcaa287"
TAG: Final = f"previous-{COMMIT[:7]}"
SECTIONS: Final = ("bot", "database")
"""Those whose images are taken from there, too."""

NAMELESS_MS: Final = 500
"""Its bot joins before it logs in; the time in between, at most."""


def values() -> dict[str, Any]:
    """Values by which a release runs the earlier images."""
    return {section: {"image": {"tag": TAG}} for section in SECTIONS}


def check_out(directory: Path) -> Path:
    """Put the earlier commit's files below a directory; returns where.

    Raises:
        CommandFailed: the commit is not in this clone.
    """
    try:
        archive = run("git", "-C", str(ROOT), "archive", COMMIT)
    except CommandFailed as error:
        raise CommandFailed(f"{error}\nthe clone needs its history: git fetch --unshallow") from None
    source = directory / "source"
    with tarfile.open(fileobj=BytesIO(archive)) as packed:
        packed.extractall(source, filter="data")
    return source


def package(source: Path) -> Path:
    """Package the earlier chart, as a release would be."""
    run("helm", "package", str(source / "charts" / "rosey"), "--destination", str(source))
    [found] = source.glob("rosey-*.tgz")
    return found


def build_and_load(source: Path, load: Sequence[str]) -> None:
    """Build the earlier images and bring them into the cluster by a command to which their names are added.

    Those of a commit never change: where they are in the cluster, they stay.
    """
    found = {f"rosey-{target}:{TAG}": (file, target) for file, target in map(IMAGES.__getitem__, SECTIONS)}
    _, there = in_the_cluster()
    if found.keys() <= there:
        return
    for name, (file, target) in found.items():
        command = ["docker", "build", "--quiet", "--file", str(source / file), "--target", target]
        run(*command, "--tag", name, str(source), timeout=900)
    run(*load, *found, timeout=300)
