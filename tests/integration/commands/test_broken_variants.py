"""Bots with one thing wrong, as bots have it wrong: the tests of the commands find each of them out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rosey_bot.commands import chat, items, playback, router
from rosey_bot.cytube.acts import Act, Move
from rosey_bot.cytube.sending import Outcome, Receipt, SendQueue
from rosey_bot.cytube.signs import Done
from rosey_bot.cytube.waiting import Waiting
from tests.integration.commands import test_commands, test_floods, test_refusals
from tests.integration.commands.conftest import Scene
from tests.unit.bot.test_waiting import FirstInFirstOut


async def find_out(test: Any, *arguments: Any) -> None:
    """Whether a test fails, as it must."""
    with pytest.raises((AssertionError, ValueError, TimeoutError)):
        await test(*arguments)


async def test_a_move_that_lands_one_off(
    scene: Scene, unlimited: None, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = SendQueue.ask

    async def one_off(self: SendQueue, act: Act) -> Receipt:
        if isinstance(act, Move):
            # Behind the item that stands there now, as if taking the item out moved nothing.
            stands = [item.uid for item in scene.channel.room.playlist]
            place = 0 if act.after == "prepend" else stands.index(act.after)
            act = Move(act.uid, stands[max(place - 1, 0)])
        return await right(self, act)

    monkeypatch.setattr(SendQueue, "ask", one_off)
    await find_out(test_commands.test_move_ends_where_it_was_told, scene, None)


async def test_success_reported_before_cytube_has_answered(
    scene: Scene, unlimited: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = SendQueue.ask

    async def rash(self: SendQueue, act: Act) -> Receipt:
        task = asyncio.create_task(right(self, act))
        scene.tasks.append(task)
        return Receipt(Outcome.SENT, frame=Done(None))

    monkeypatch.setattr(SendQueue, "ask", rash)
    await find_out(test_refusals.test_a_muted_bot_says_that_it_is, scene)


async def test_silence_taken_for_success(scene: Scene, impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosey_bot.commands.registry.check", lambda receipt, *, silence="": None)
    monkeypatch.setattr(chat, "check", lambda receipt, *, silence="": None)
    await find_out(test_refusals.test_silence_is_told_from_success, scene, None, monkeypatch)


async def test_answers_cut_at_500(scene: Scene, unlimited: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosey_bot.commands.pages.split_message", lambda text: [text[:500]])
    await find_out(test_commands.test_long_answers_arrive_whole, scene, None)


async def test_positions_that_count_from_0(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    right = items.item_line
    monkeypatch.setattr(playback, "item_line", lambda place, item: right(place - 1, item))
    await find_out(test_commands.test_jump_plays_an_item, scene)


async def test_leadership_taken_without_the_right(
    scene: Scene, unlimited: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playback, "require_told", lambda room, right, what: None)
    monkeypatch.setattr("rosey_bot.commands.steering.require_told", lambda room, right, what: None)
    scene.patience = 0.5
    await find_out(test_refusals.test_what_the_bots_rank_does_not_allow_is_not_even_tried, scene, None)


async def test_a_lead_that_is_kept_when_another_medium_plays(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosey_bot.commands.steering.Steering.return_lead", _nothing)
    monkeypatch.setattr("tests.integration.commands.test_commands.PATIENCE", 0.3)
    await find_out(test_commands.test_another_medium_ends_the_pause_and_the_bots_leadership, scene)


async def _nothing(self: object) -> Receipt:
    return Receipt(Outcome.NOT_SENT)


async def test_one_command_at_a_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = asyncio.Lock()
    right = router.CommandRouter._carry_out

    async def one_at_a_time(self: router.CommandRouter, *arguments: Any, **options: Any) -> Any:
        async with gate:
            return await right(self, *arguments, **options)

    monkeypatch.setattr(router.CommandRouter, "_carry_out", one_at_a_time)
    monkeypatch.setattr("tests.integration.commands.test_refusals.SOON", 1.0)
    await find_out(test_refusals.test_a_slow_lookup_holds_up_nobody, scene, monkeypatch)


async def test_answers_in_the_order_of_their_coming(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosey_bot.cytube.waiting.Rotation", FirstInFirstOut)
    scene.channel._sending._waiting = Waiting()
    await find_out(test_floods.test_statistics_are_answered_within_a_second_whoever_floods, scene)
