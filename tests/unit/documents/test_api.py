"""docs/api.md says what the routes say."""

from __future__ import annotations

from tools import api


def test_the_document_is_what_the_code_says() -> None:
    assert api.DOCUMENT.read_text(encoding="utf-8") == api.api()
