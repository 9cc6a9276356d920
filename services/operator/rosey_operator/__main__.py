"""The program ``rosey-operator``, from its first moment on."""

from __future__ import annotations

import sys

from rosey_core import hangup


def main() -> int:
    """The program; returns its exit code."""
    hangup.hold()
    from rosey_operator.service import main as serve

    return serve()


if __name__ == "__main__":
    sys.exit(main())
