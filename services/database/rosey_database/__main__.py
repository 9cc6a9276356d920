"""The program ``rosey-database``, from its first moment on."""

from __future__ import annotations

import sys

from rosey_core import hangup


def main() -> int:
    """The program; returns its exit code."""
    if sys.argv[1:2] == ["token"]:
        from rosey_database import token_command

        return token_command.main(sys.argv[2:])
    hangup.hold()
    from rosey_database.service import main as serve

    return serve()


if __name__ == "__main__":
    sys.exit(main())
