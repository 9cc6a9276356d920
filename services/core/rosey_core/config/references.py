"""Values that stand elsewhere: ``${NAME}`` in the environment, ``${file:/path}`` in a file.

``$${`` is a plain ``${``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_REFERENCE: Final = re.compile(r"\$(\$\{|\{(?P<target>[^}]*)\})")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FILE: Final = "file:"


def resolve(text: str, environ: Mapping[str, str], directory: Path) -> str:
    """``text`` with each reference in it replaced by what it refers to; what comes in is not searched again.

    Args:
        environ: the environment.
        directory: what relative paths start from.

    Raises:
        ValueError: a variable is not set, a file cannot be read, one of them is empty, or it is no reference.
    """

    def value(found: re.Match[str]) -> str:
        target = found["target"]
        if target is None:
            return "${"
        if target.startswith(_FILE):
            return _from_file(directory / Path(target.removeprefix(_FILE)).expanduser())
        if _VARIABLE.fullmatch(target) is None:
            raise ValueError("'${...}' must name an environment variable or 'file:' and a path ('$${' is a plain '${')")
        if not environ.get(target):
            raise ValueError(f"the environment variable {target} that it refers to is not set")
        return environ[target]

    return _REFERENCE.sub(value, text)


def _from_file(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"the file {path} that it refers to is not UTF-8 text") from None
    except OSError as error:
        raise ValueError(f"the file {path} that it refers to cannot be read: {error.strerror}") from None
    # Editors and `echo` end a file with a line break that is no part of the secret.
    text = text.removesuffix("\n").removesuffix("\r")
    if not text:
        raise ValueError(f"the file {path} that it refers to is empty")
    return text
