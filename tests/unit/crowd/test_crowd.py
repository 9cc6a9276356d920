"""The crowd in its rooms, and the record of it."""

from __future__ import annotations

import html
import json
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rosey_simulator.crowd.clock import ManualClock
from rosey_simulator.crowd.crowd import Crowd
from rosey_simulator.crowd.driver import FastDriver, run_live
from rosey_simulator.crowd.record import Entry, Event, Record, read
from rosey_simulator.crowd.summary import summarize
from rosey_simulator.room import Room
from rosey_simulator.site import Site

Enter = Callable[..., Any]


def lively(*, rooms: int = 1, seed: int = 1, record: Record | None = None) -> tuple[Site, FastDriver, Record]:
    clock, record = ManualClock(), record or Record()
    site = Site(clock)
    crowd = Crowd(
        site, [site.add_channel(f"room{number}") for number in range(rooms)], record, seed=seed, rate=20.0 * rooms
    )
    return site, FastDriver(crowd, clock, site.scheduler), record


async def entries_of(actions: int, **options: Any) -> list[Entry]:
    _, driver, record = lively(**options)
    await driver.run(actions)
    return record.entries


async def test_the_same_seed_gives_the_same_record() -> None:
    assert await entries_of(1500, rooms=2, seed=4) == await entries_of(1500, rooms=2, seed=4)


async def test_another_seed_gives_another_record() -> None:
    assert await entries_of(300, seed=4) != await entries_of(300, seed=5)


async def test_what_happens_does_not_depend_on_the_number_of_runs() -> None:
    _, driver, record = lively()
    for _ in range(10):
        await driver.run(200)
    assert record.entries == await entries_of(2000)


async def test_everything_that_can_happen_happens() -> None:
    entries = await entries_of(6000)
    assert {entry["event"] for entry in entries} >= set(Event) - {Event.LISTED, Event.UNLOADED, Event.ENDED}
    unheard = Counter(entry["what"] for entry in entries if entry["event"] == Event.DID)["say"]
    assert 0.6 < sum(1 for entry in entries if entry["event"] == Event.SAID) / unheard < 0.95


async def test_fifty_rooms_are_lively() -> None:
    entries = await entries_of(4000, rooms=50)
    for number in range(50):
        summary = summarize(entries, f"room{number}")
        assert summary.present
        assert summary.lines


async def test_the_record_agrees_with_what_a_client_in_the_room_hears(enter: Enter) -> None:
    """Counted here as simply as can be: frames of a moderator's socket, from its list of users on."""
    site, driver, record = lively()
    await driver.run(2000)
    room = site.rooms[0]
    eve = type(enter("Unrelated"))(room, "Eve", rank=3, has_socket=True)
    await driver.run(3000)
    names = [frame.event for frame in eve.frames]
    frames = eve.frames[names.index("userlist") :]
    present = {user["name"].lower() for user in frames[0].args[0]}
    lines: Counter[str] = Counter()
    texts = []
    for frame in frames[1:]:
        data = frame.args[0] if frame.args else None
        if frame.event == "addUser":
            present.add(data["name"].lower())
        elif frame.event == "userLeave":
            present.discard(data["name"].lower())
        elif frame.event == "chatMsg" and data["username"][0] != "[" and "shadow" not in data["meta"]:
            lines[data["username"].lower()] += 1
            texts.append(html.unescape(re.sub(r"<[^>]*>", "", data["msg"])))
    summary = summarize(record.entries, "room0", "eve")
    counted = {key: user["total_chat_lines"] for key, user in summary.users.items() if user["total_chat_lines"]}
    assert counted == dict(lines)
    assert [line["text"] for line in summary.lines if line["counted"]] == texts
    assert summary.present == present
    count = Counter(names[names.index("userlist") :])
    actions = Counter(change["action"] for change in summary.changes)
    assert (actions["queued"], actions["removed"], actions["moved"]) == (
        count["queue"],
        count["delete"],
        count["moveVideo"],
    )


async def test_what_is_typed_plainly_is_what_is_recorded() -> None:
    entries = await entries_of(3000)
    acts = (entry for entry in entries if entry["event"] == Event.DID and entry["what"] == "say")
    typed = {text for act in acts if re.fullmatch(r"[A-Za-z <>&]{1,300}", text := act["detail"]["text"])}
    said = {entry["text"] for entry in entries if entry["event"] == Event.SAID}
    assert len(typed) > 500
    assert len(typed & said) > 0.75 * len(typed)
    assert not {text for text in said if "&lt;script" in text}


async def test_after_a_restart_of_the_server_people_come_back() -> None:
    site, driver, record = lively()
    await driver.run(1000)
    before = summarize(record.entries, "room0").present
    site.unload()
    assert not site.rooms[0].members
    await driver.run(500)
    assert len({member.key for member in site.rooms[0].members} & before) > len(before) / 2


async def test_commands_reach_the_bot_where_it_is(enter: Enter) -> None:
    site, driver, record = lively()
    await driver.run(1500)
    assert summarize(record.entries, "room0", "Rosey").commands == []
    bot = type(enter("Unrelated"))(site.rooms[0], "Rosey", has_socket=True)
    await driver.run(3000)
    received = [frame.args[0] for frame in bot.frames if frame.event == "pm"]
    commands = summarize(record.entries, "room0", "Rosey").commands
    assert [(each["username"], each["text"]) for each in commands] == [
        (pm["username"], html.unescape(pm["msg"])) for pm in received if site.rooms[0].rank_of(pm["username"]) >= 2
    ]
    assert len(commands) > 5


class TestFile:
    async def test_the_file_holds_what_memory_holds_before_it_is_closed(self, tmp_path: Path) -> None:
        record = Record(tmp_path / "record.jsonl")
        _, driver, _ = lively(record=record)
        await driver.run(500)
        assert read(tmp_path / "record.jsonl") == json.loads(json.dumps(record.entries))
        record.close()
        assert len(record.entries) > 500

    async def test_the_file_can_do_without_memory(self, tmp_path: Path) -> None:
        with Record(tmp_path / "record.jsonl", keep=False) as record:
            _, driver, _ = lively(record=record)
            await driver.run(500)
        assert record.entries == []
        entries = read(tmp_path / "record.jsonl")
        assert summarize(entries, "room0") == summarize(await entries_of(500), "room0")

    def test_a_line_that_was_not_finished_is_left_out(self, tmp_path: Path) -> None:
        path = tmp_path / "record.jsonl"
        path.write_text('{"at": 1}\n{"at": 2}\n{"at":')
        assert read(path) == [{"at": 1}, {"at": 2}]


class TestDriver:
    async def test_settles_before_each_move_of_the_clock(self, clock: ManualClock, site: Site, room: Room) -> None:
        record = Record()
        settled_at: list[int] = []

        async def settle() -> None:
            settled_at.append(clock.milliseconds)

        driver = FastDriver(Crowd(site, [room], record, rate=20), clock, site.scheduler, settle)
        await driver.run(500)
        assert {entry["at"] for entry in record.entries} <= set(settled_at)
        assert len(set(settled_at)) == len(settled_at)

    async def test_goes_on_from_the_time_to_which_the_clock_was_moved(
        self, clock: ManualClock, site: Site, room: Room
    ) -> None:
        record = Record()
        driver = FastDriver(Crowd(site, [room], record, rate=20), clock, site.scheduler)
        await driver.run(100)
        clock.advance(1000)
        resumed = clock()
        await driver.run(400)
        assert clock() - resumed == pytest.approx(400 / 20, rel=0.3)

    async def test_lets_time_pass_without_the_crowd(self, clock: ManualClock, site: Site, room: Room) -> None:
        driver = FastDriver(Crowd(site, [room], Record(), rate=20), clock, site.scheduler)
        rung: list[float] = []
        site.scheduler.call_later(2.0, lambda: rung.append(clock()))
        began = clock()
        await driver.pass_time(5)
        assert rung == [began + 2]
        assert clock() == began + 5

    async def test_a_live_crowd_keeps_its_rate_and_ends_by_itself(self) -> None:
        site = Site(time.time)
        crowd = Crowd(site, [site.add_channel("live")], Record(), rate=1000)
        began = time.monotonic()
        assert await run_live(crowd, time.time, actions=300) == 300
        assert 0.25 < time.monotonic() - began < 2.0


class TestClock:
    @pytest.mark.parametrize("seconds", [1.0005, 1_700_000_000.0011, 1_700_000_000.1, 1_799_999_999.9999])
    def test_goes_to_the_first_millisecond_that_is_not_before(self, seconds: float) -> None:
        clock = ManualClock(0)
        clock.move_to(seconds)
        assert seconds <= clock() < seconds + 0.001001
        assert clock() == clock.milliseconds / 1000

    def test_never_goes_back(self) -> None:
        clock = ManualClock(100)
        clock.move_to(50)
        assert clock() == 100
