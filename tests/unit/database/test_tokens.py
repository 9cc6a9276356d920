"""API tokens: shown once, kept hashed, revoked one at a time."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from rosey_database import BotDatabase
from rosey_database.tables import tokens
from tests.support.clock import MovableClock


async def test_a_token_validates_until_it_is_revoked(temp_database: BotDatabase) -> None:
    token = await temp_database.generate_api_token("the web page")
    assert await temp_database.validate_api_token(token)
    assert not await temp_database.validate_api_token(token[:-1])
    assert not await temp_database.validate_api_token(token + " ")
    assert not await temp_database.validate_api_token("")
    assert await temp_database.revoke_api_token(token) is True
    assert not await temp_database.validate_api_token(token)
    assert await temp_database.revoke_api_token(token) is False


async def test_what_is_stored_is_the_hash(temp_database: BotDatabase, database_file: Path) -> None:
    token = await temp_database.generate_api_token()
    assert temp_database.conn is not None
    async with temp_database.conn.execute("SELECT * FROM api_tokens") as cursor:
        (row,) = [dict(row) for row in await cursor.fetchall()]
    assert row["token"] == hashlib.sha256(token.encode()).hexdigest()
    assert all(token not in str(value) for value in row.values())
    assert not await temp_database.validate_api_token(row["token"])


async def test_tokens_are_listed_by_their_beginning(temp_database: BotDatabase, clock: MovableClock) -> None:
    created = int(clock.now)
    first = await temp_database.generate_api_token("first")
    used = clock.move(60)
    second = await temp_database.generate_api_token()
    await temp_database.validate_api_token(first)
    await temp_database.revoke_api_token(second)
    listed = {
        "token_preview": f"{first[:8]}...",
        "description": "first",
        "created_at": created,
        "last_used": used,
        "revoked": False,
    }
    assert await temp_database.list_api_tokens() == [listed]
    everything = await temp_database.list_api_tokens(include_revoked=True)
    assert everything[0] == listed
    assert everything[1] == {
        "token_preview": f"{second[:8]}...",
        "description": "",
        "created_at": used,
        "last_used": None,
        "revoked": True,
    }


@pytest.mark.parametrize("length", [8, 12])
async def test_a_beginning_of_eight_characters_revokes(temp_database: BotDatabase, length: int) -> None:
    token = await temp_database.generate_api_token()
    other = await temp_database.generate_api_token()
    assert await temp_database.revoke_api_token(token[:length]) is True
    assert not await temp_database.validate_api_token(token)
    assert await temp_database.validate_api_token(other)


async def test_the_listed_form_revokes(temp_database: BotDatabase) -> None:
    token = await temp_database.generate_api_token()
    (listed,) = await temp_database.list_api_tokens()
    assert await temp_database.revoke_api_token(listed["token_preview"]) is True
    assert not await temp_database.validate_api_token(token)


@pytest.mark.parametrize("prefix", ["", "_", "________", "%%%%%%%%", "________...", "...", "*" * 8])
async def test_no_wildcard_and_no_short_beginning_revokes_anything(temp_database: BotDatabase, prefix: str) -> None:
    token = await temp_database.generate_api_token()
    assert await temp_database.revoke_api_token(prefix) is False
    assert await temp_database.revoke_api_token(token[:7]) is False
    assert await temp_database.validate_api_token(token)


async def test_a_longer_part_that_cannot_be_checked_revokes_nothing(temp_database: BotDatabase) -> None:
    token = await temp_database.generate_api_token()
    assert await temp_database.revoke_api_token(token[:12] + "wrong") is False
    assert await temp_database.validate_api_token(token)


async def test_an_ambiguous_beginning_revokes_nothing(
    temp_database: BotDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = iter(["same-beginning-" + "a" * 30, "same-beginning-" + "b" * 30])
    monkeypatch.setattr(tokens, "new_token", lambda: next(made))
    both = [await temp_database.generate_api_token() for _ in range(2)]
    with pytest.raises(tokens.AmbiguousPrefix, match="2 tokens"):
        await temp_database.revoke_api_token("same-beg")
    assert [await temp_database.validate_api_token(token) for token in both] == [True, True]


def test_of_a_short_token_no_more_than_half_is_kept() -> None:
    assert tokens.preview("abcdef") == "abc"
    assert tokens.preview("x" * 15) == "x" * 7
    assert tokens.preview("x" * 16) == "x" * 8
    assert tokens.preview("x" * 30) == "x" * 10
    assert tokens.preview("x" * 43) == "x" * 12


@pytest.mark.parametrize("value", [None, 5, b"bytes"])
async def test_what_is_no_text_is_no_token(temp_database: BotDatabase, value: Any) -> None:
    assert await temp_database.validate_api_token(value) is False


async def test_tokens_are_all_different_and_long(temp_database: BotDatabase) -> None:
    made = {await temp_database.generate_api_token() for _ in range(20)}
    assert len(made) == 20
    assert {len(token) for token in made} == {43}
