"""When somebody was in a room, by the record."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from rosey_simulator.crowd.record import Record
from tests.support.attendance import attendance

T0 = 1_700_000_000_000
Enter = Callable[..., Any]
PassTime = Callable[[float], None]


def test_a_room_is_without_somebody_from_their_leaving_to_their_login(
    enter: Enter, pass_time: PassTime, record: Record
) -> None:
    enter("Ann")
    enter("Rosey").leave()
    pass_time(1.25)
    # Whoever has not logged in yet may be anybody.
    again = enter()
    assert attendance(record.entries, "Rosey").present == set()
    assert attendance(record.entries, "Rosey").absences[0].seconds == math.inf
    pass_time(0.25)
    again.log_in("rosey")
    found = attendance(record.entries, "Rosey")
    assert found.present == {"demo"}
    [absence] = found.absences
    assert (absence.room, absence.left, absence.seconds) == ("demo", T0, 1.5)
    assert (found.since(T0 - 1), found.since(T0)) == ([absence], [])


def test_who_comes_twice_is_away_for_no_time(enter: Enter, pass_time: PassTime, record: Record) -> None:
    enter("Ann")
    enter("Rosey")
    pass_time(1)
    enter("Rosey").leave()
    pass_time(1)
    enter("Rosey")
    assert [absence.seconds for absence in attendance(record.entries, "Rosey").absences] == [0, 1]


def test_where_a_room_is_unloaded_all_are_gone(enter: Enter, pass_time: PassTime, record: Record, room: Any) -> None:
    enter("Rosey")
    room.unload()
    pass_time(2)
    enter("Rosey")
    assert [absence.seconds for absence in attendance(record.entries, "Rosey").absences] == [2]
