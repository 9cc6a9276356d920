"""Values that stand elsewhere: ``${NAME}`` in the environment, ``${file:/path}`` in a file.

``$${`` is a plain ``${``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_REFERENCE: Final = re.compile(r"\$(\$\{|\{(?P<target>[^}]*)\})")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE: Final = "file:"
_ENVIRONMENT: Final = "env:"
LONGEST: Final = 65_536
"""Characters of a file that is referred to."""


def resolve(text: str, environ: Mapping[str, str], directory: Path) -> tuple[str, tuple[str, ...]]:
    """Replace each reference in ``text`` by what it refers to; what comes in is not searched again.

    Args:
        environ: the environment.
        directory: what relative paths start from.

    Returns:
        The text, and the targets of the references: names of variables, and ``file:`` with a path.

    Raises:
        ValueError: a variable is not set, a file cannot be read, one of them is empty, or it is no reference.
    """

    targets: list[str] = []

    def value(found: re.Match[str]) -> str:
        target = found["target"]
        if target is None:
            return "${"
        targets.append(target)
        path = file_of(target, directory)
        if path is not None:
            return _from_file(path)
        target = target.removeprefix(_ENVIRONMENT)
        if _VARIABLE.fullmatch(target) is None:
            raise ValueError("'${...}' must name an environment variable or 'file:' and a path ('$${' is a plain '${')")
        if not environ.get(target):
            raise ValueError(f"the environment variable {target} that it refers to is not set")
        return environ[target]

    resolved = _REFERENCE.sub(value, text)
    return resolved, tuple(targets)


def file_of(target: str, directory: Path) -> Path | None:
    """The file that the target of a reference names; ``None`` where it names a variable."""
    if not target.startswith(_FILE):
        return None
    return directory / os.path.expanduser(target.removeprefix(_FILE))


def _from_file(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(LONGEST + 1)
    except UnicodeDecodeError:
        raise ValueError(f"the file {path} that it refers to is not UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"the file {path} that it refers to cannot be read: {error.strerror}") from None
    if len(text) > LONGEST:
        raise ValueError(f"the file {path} that it refers to is longer than {LONGEST:,} characters")
    # Editors and `echo` end a file with a line break that is no part of the secret.
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ValueError(f"the file {path} that it refers to is empty")
    return text
