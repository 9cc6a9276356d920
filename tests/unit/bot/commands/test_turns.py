"""One user's commands in order, none of them waiting for ever, and not too many at once."""

from __future__ import annotations

import asyncio

import pytest

from rosey_bot.commands import turns
from rosey_bot.commands.turns import UNDER_WAY, Turns


async def test_a_command_waits_for_the_one_before() -> None:
    waiting = Turns()
    first, second = waiting.begin("Mod"), waiting.begin("MOD")
    assert first is not None
    assert second is not None
    await first.wait()
    wait = asyncio.create_task(second.wait())
    await asyncio.sleep(0)
    assert not wait.done()
    first.end()
    await wait


async def test_users_do_not_wait_for_each_other() -> None:
    waiting = Turns()
    assert waiting.begin("Mod") is not None
    other = waiting.begin("Other")
    assert other is not None
    await asyncio.wait_for(other.wait(), 0.1)


async def test_patience_ends_from_the_commands_own_coming_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.05)
    waiting = Turns()
    some = [waiting.begin("Mod") for _ in range(5)]
    began = asyncio.get_running_loop().time()
    await asyncio.gather(*(turn.wait() for turn in some if turn is not None))
    assert asyncio.get_running_loop().time() - began < 0.15


async def test_only_so_many_are_under_way_and_that_is_told_once() -> None:
    waiting = Turns()
    some = [waiting.begin("Mod") for _ in range(UNDER_WAY + 2)]
    assert [turn is None for turn in some] == [False] * UNDER_WAY + [True] * 2
    assert [waiting.is_first_refusal("Mod"), waiting.is_first_refusal("mod")] == [True, False]
    for turn in some[:3]:
        assert turn is not None
        waiting.end("Mod", turn)
    again = waiting.begin("Mod")
    assert again is not None
    assert not waiting.is_first_refusal("Mod")
    for turn in (*some[3:UNDER_WAY], again):
        assert turn is not None
        waiting.end("Mod", turn)
    assert waiting.begin("Mod") is not None
    assert waiting.is_first_refusal("Mod")
