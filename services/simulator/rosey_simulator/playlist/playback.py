"""The clock of what plays: lead-in, updates, and the step to the next item."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rosey_simulator.frames import Frame
from rosey_simulator.member import Member, wire_number
from rosey_simulator.scheduler import Timer

if TYPE_CHECKING:
    from rosey_simulator.playlist.playlist import Item
    from rosey_simulator.room import Room

LEAD_IN_SECONDS = 3
OVERTIME_SECONDS = 2
UPDATE_TICKS = 5


class Playback:
    """Plays one item at a time on the server's clock, a tick a second, unless a leader does (PROTOCOL section 8).

    The count of ticks that decides when an update is due runs on from one item to the next until a lead-in ends:
    that is why an update with a negative time can be seen during a lead-in.
    """

    def __init__(self, room: Room, play_next: Callable[[], None]) -> None:
        self._room = room
        self._play_next = play_next
        self._timer: Timer | None = None
        self._ticks = 0
        self._ticked_at_ms = 0
        self.item: Item | None = None
        self.current_time: float = 0.0
        self.paused = False
        self.led = False

    def start(self, item: Item, at: float | None = None) -> None:
        """Play an item from the beginning, or from `at` seconds."""
        self.item = item
        if self.led:
            self.current_time, self.paused = at or 0.0, False
        else:
            lead_in = -LEAD_IN_SECONDS if item.media.seconds else 0
            self.current_time = at or lead_in
            self.paused = self.current_time < 0
        self._stop_clock()
        self._room.broadcast("setCurrent", item.uid)
        self._room.broadcast_frame(self._change_media(item))
        self._room.media_changed()
        if not self.led:
            self._start_clock()

    def stop(self) -> None:
        """Nothing plays any more. No frame says so."""
        self._stop_clock()
        self.item = None
        self.current_time, self.paused = 0.0, False

    def hold(self) -> None:
        """A leader takes over: the server stops counting."""
        self.led = True
        self._stop_clock()

    def resume(self) -> None:
        """The leader is gone: the server counts on from where it stopped."""
        self.led = False
        if self.item is not None:
            self.paused = False
            self._room.broadcast_frame(self._update())
            self._start_clock()

    def follow(self, current_time: float, paused: bool) -> None:
        """The leader says where the item is."""
        self.current_time, self.paused = current_time, paused
        self._room.broadcast_frame(self._update())

    def suspend(self) -> None:
        """The room is being unloaded; what plays is kept, but time stands still."""
        self._stop_clock()
        self._ticks = 0

    def show(self, member: Member) -> None:
        """Tell one member what plays."""
        if self.item is not None:
            member.send("setCurrent", self.item.uid)
            member.deliver(self._change_media(self.item))

    def _change_media(self, item: Item) -> Frame:
        return Frame("changeMedia", {**item.media.as_json(), **self._position()})

    def _update(self) -> Frame:
        return Frame("mediaUpdate", self._position())

    def _position(self) -> dict[str, Any]:
        return {"currentTime": wire_number(self.current_time), "paused": self.paused}

    def _start_clock(self) -> None:
        if self.item is not None and self.item.media.seconds and self._timer is None:
            now = self._room.now()
            self._ticked_at_ms = self._room.now_ms()
            self._arm(now + 1)

    def _stop_clock(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, due: float) -> None:
        self._timer = self._room.scheduler.call_at(due, lambda: self._tick(due))

    def _tick(self, due: float) -> None:
        item = self.item
        if item is None:
            self._timer = None
            return
        self._arm(due + 1)
        now_ms = self._room.now_ms()
        passed = (now_ms - self._ticked_at_ms) / 1000
        self._ticked_at_ms = now_ms
        if self.current_time < 0 <= self.current_time + passed:
            self.current_time, self.paused = 0, False
            self._ticks = 0
            self._room.broadcast_frame(self._update())
            return
        self.current_time += passed
        self._ticks += 1
        if self.current_time >= item.media.seconds + OVERTIME_SECONDS:
            self._play_next()
        elif self._ticks % UPDATE_TICKS == 0:
            self._room.broadcast_frame(self._update())
