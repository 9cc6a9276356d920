"""Files that are made from something else: written, or compared with what they should be."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent


def write_or_compare(
    texts: Mapping[Path, str], *, source: str, remedy: str = "make documents", folders: Sequence[Path] = ()
) -> int:
    """Write these files; with the option ``--check`` only tell which are not what they should be.

    Args:
        texts: what each file should hold.
        source: what they are made from, for the complaint.
        remedy: the command that writes them.
        folders: which hold these files and no others; what else is there is deleted.

    Returns:
        the exit code: 1 where a file that was checked is absent, another, or one too many.
    """
    others = [file for folder in folders for file in sorted(folder.glob("*")) if file not in texts]
    if "--check" not in sys.argv:
        for path, text in texts.items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for path in others:
            path.unlink()
        return 0
    wrong = [path for path, text in texts.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    stale = [*wrong, *others]
    for path in stale:
        print(f"{path.relative_to(ROOT)} is not what {source}: run `{remedy}`", file=sys.stderr)
    return int(bool(stale))
