"""docs/contract.md says what the types say, and its examples are accepted."""

import json

import pytest

from rosey_core import events, queries
from tools import contract


def test_the_document_is_what_the_types_say() -> None:
    assert contract.DOCUMENT.read_text(encoding="utf-8") == contract.contract()


@pytest.mark.parametrize("subject", [kind.SUBJECT for kind in events.TYPES])
def test_each_event_has_an_example_that_is_accepted(subject: str) -> None:
    event, channel = events.decode(f"{subject}.lobby", json.dumps(contract.EXAMPLES[subject]).encode())
    assert subject == event.SUBJECT
    assert channel == "lobby"


@pytest.mark.parametrize("kind", queries.TYPES)
def test_each_request_has_an_example_that_is_accepted(kind: type[queries.Request]) -> None:
    payload = json.dumps(contract.EXAMPLES.get(kind.SUBJECT, {})).encode()
    request, _ = queries.decode(kind.SUBJECT, kind.SUBJECT, payload)
    assert isinstance(request, kind)
