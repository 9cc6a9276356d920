"""A verified copy of the database, made while the service is at work; the oldest copies beyond a number are deleted.

Runs in the image of the tools: ``backup.py DATABASE DIRECTORY KEEP``.
"""

import sys
import time
from pathlib import Path

from rosey_cli.backup import copies
from rosey_cli.failure import Failure

database, directory, keep = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
try:
    copy = copies.back_up(database, directory / time.strftime("rosey-%Y%m%d-%H%M%S.db", time.gmtime()))
except Failure as failure:
    raise SystemExit(str(failure)) from None
print(f"{copy.path}: {copy.size} bytes, verified, events stored up to {copy.sequence}")
for old in sorted(directory.glob("rosey-*.db"))[:-keep]:
    old.unlink()
    print(f"{old}: deleted, {keep} newer ones are kept")
