"""What the tests of the command line share."""

from __future__ import annotations

import pytest

from rosey_cli.up.journal import Entry, Journal


@pytest.fixture
def entries() -> list[Entry]:
    """What the journal was told."""
    return []


@pytest.fixture
def journal(entries: list[Entry]) -> Journal:
    """A journal whose entries are in ``entries``."""
    return Journal(entries.append)
