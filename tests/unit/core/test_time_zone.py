"""The time zone of answers: one that the machine knows, or a refusal that names the key."""

from __future__ import annotations

from datetime import UTC

import pytest
from pydantic import ValidationError

from rosey_core.config.models import Bot


def test_a_zone_is_known_by_its_name() -> None:
    assert str(Bot(timezone="Europe/Berlin").zone) == "Europe/Berlin"
    assert Bot().zone is UTC


@pytest.mark.parametrize("name", ["", "Berlin", "../etc/passwd", "Europe", "a\0b"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=r"timezone\n.*should be a time zone"):
        Bot(timezone=name)
