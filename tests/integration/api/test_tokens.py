"""Tokens at work: looked up for each request, marked as used now and then, told to nobody."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from rosey_database import BotDatabase
from rosey_database.api.authorization import Authorization
from rosey_database.api.server import ApiServer
from rosey_database.tables.tokens import Token
from tests.integration.api.conftest import Program
from tests.support.clock import MovableClock
from tests.support.waiting import until


class Remembering(Authorization):
    """Broken: a token that was good once is taken for good."""

    def __init__(self, database: BotDatabase) -> None:
        super().__init__(database)
        self._good: dict[str, Token] = {}

    async def check(self, headers: Sequence[str]) -> Token:
        shown = headers[0]
        if shown not in self._good:
            self._good[shown] = await super().check(headers)
        return self._good[shown]


async def revoked_on_the_same_connection(program: Program, database: BotDatabase) -> int:
    """The status of the request after a token's end."""
    assert (await program.get("/v1/status")).status == 200
    assert program.token is not None
    assert await database.revoke_api_token(program.token[:8])
    return (await program.get("/v1/status")).status


async def test_a_revoked_token_stops_at_once(program: Program, temp_database: BotDatabase) -> None:
    assert await revoked_on_the_same_connection(program, temp_database) == 401
    assert (await program.post("hi")).status == 401
    assert await temp_database.get_unsent_outbound_messages() == []


async def test_broken_variant_a_token_that_is_remembered_outlives_its_end(
    program: Program, api: ApiServer, temp_database: BotDatabase
) -> None:
    api._authorization = Remembering(temp_database)
    assert await revoked_on_the_same_connection(program, temp_database) == 200


async def test_a_token_that_another_process_makes_or_revokes_counts(
    program: Program, database_file: Path, temp_database: BotDatabase
) -> None:
    other = BotDatabase(database_file)
    await other.connect()
    made = await other.generate_api_token("made beside the service")
    shown = {"Authorization": f"Bearer {made}"}
    assert (await program.get("/v1/status", headers=shown)).status == 200
    assert await other.revoke_api_token(made)
    assert (await program.get("/v1/status", headers=shown)).status == 401
    await other.close(end_sessions=False)


async def test_a_token_that_may_only_read_posts_nothing(program: Program, temp_database: BotDatabase) -> None:
    reader = await temp_database.generate_api_token("reads", read_only=True)
    shown = {"Authorization": f"Bearer {reader}"}
    assert (await program.get("/v1/status", headers=shown)).status == 200
    answer = await program.ask("POST", "/v1/messages", headers=shown, json={"message": "hi"})
    assert (answer.status, answer.headers["Content-Type"]) == (403, "application/problem+json")
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert b"this token may only read" in answer.body
    assert await temp_database.get_unsent_outbound_messages() == []
    assert (await program.post("hi")).status == 202


async def test_a_use_is_written_down_at_most_once_a_minute(
    program: Program, api: ApiServer, temp_database: BotDatabase, clock: MovableClock
) -> None:
    async def last_used() -> Any:
        (row,) = await temp_database.list_api_tokens()
        return row["last_used"]

    assert await last_used() is None
    first = int(clock.now)
    await program.get("/v1/status")
    await until(lambda: not api._authorization._writing)
    assert await last_used() == first
    writes = await changes(temp_database)
    clock.move(59)
    await asyncio.gather(*(program.get("/v1/status") for _ in range(10)))
    await until(lambda: not api._authorization._writing)
    assert (await last_used(), await changes(temp_database)) == (first, writes)
    second = clock.move(1)
    await asyncio.gather(*(program.get("/v1/status") for _ in range(10)))
    await until(lambda: not api._authorization._writing)
    assert await last_used() == second
    assert await changes(temp_database) == writes + 1


async def changes(database: BotDatabase) -> int:
    """The rows that the writer's connection has changed so far."""
    changed: int = await database.writer.run(lambda work: work.connection.total_changes)
    return changed


async def test_who_reads_does_not_wait_for_who_writes(program: Program, api: ApiServer, database_file: Path) -> None:
    with closing(sqlite3.connect(database_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert (await program.get("/v1/status")).status == 200
        assert api._authorization._writing, "the use of the token waits for the lock"
        other.execute("ROLLBACK")


async def posted_while_nothing_can_be_written(program: Program, database_file: Path, *, timeout: float) -> bool:
    """Whether a message was taken while the database could not store it; at the end it is stored."""
    with closing(sqlite3.connect(database_file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        posting = asyncio.create_task(program.post("news"))
        done, _ = await asyncio.wait({posting}, timeout=timeout)
        other.execute("ROLLBACK")
    assert (await posting).status == 202
    return bool(done)


async def test_a_message_is_taken_only_when_it_is_committed(program: Program, database_file: Path) -> None:
    assert not await posted_while_nothing_can_be_written(program, database_file, timeout=0.2)


async def test_broken_variant_a_message_is_taken_before_it_is_committed(
    program: Program, api: ApiServer, database_file: Path
) -> None:
    answer, later = api._answer, []

    async def early(request: Any, channel: str | None) -> Any:
        later.append(asyncio.ensure_future(answer(request, channel)))
        return request.REPLY(message_id=1)

    api._answer = early
    assert await posted_while_nothing_can_be_written(program, database_file, timeout=4)
    await asyncio.gather(*later)


async def test_no_log_and_no_answer_has_a_token(
    program: Program, temp_database: BotDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert program.token is not None
    assert temp_database.conn is not None
    await temp_database.conn.execute("ALTER TABLE channels RENAME TO hidden")
    answers = [
        await program.get("/v1/status"),
        await program.get("/v1/nothing"),
        await program.get(f"/v1/{program.token}"),
        await program.get("/v1/status", params={program.token: "1"}),
        await program.ask("POST", "/v1/messages", json={program.token: "hi", "message": "hi"}),
    ]
    assert [answer.status for answer in answers] == [503, 404, 404, 400, 400]
    assert not [answer for answer in answers if program.token in f"{answer.headers}{answer.body.decode()}"]
    assert program.token not in caplog.text
    await temp_database.conn.execute("ALTER TABLE hidden RENAME TO channels")
