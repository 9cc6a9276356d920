"""Runs code of others so that it does not hurt the bot: what it raises, how long it takes, what it answers.

Code that waits is stopped after a time. Code that blocks (``time.sleep``, a long calculation) cannot be: the bot is one
thread, and all of it stands still meanwhile. That is noticed when it ends, and said.
"""

from __future__ import annotations

import asyncio
import logging
import time
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, TypeVar

from rosey_bot.commands.answers import Answer, CommandError

log = logging.getLogger(__name__)

TIMEOUT: Final = 10.0
"""Seconds that a plugin may take for a command or an event."""
BLOCKED: Final = 0.1
"""Seconds without waiting for anything from which on a plugin is said to hold up the bot."""
LOG_INTERVAL: Final = 60.0
"""Seconds between two lines about one thing that a plugin does wrong; each time is counted."""
LONGEST_ANSWER: Final = 6000
"""Characters of an answer; what is longer is cut."""

RAISED: Final = "raised"
TIMED_OUT: Final = "timeout"
HELD_UP: Final = "blocked"
INVALID: Final = "invalid"
TOO_LONG: Final = "too_long"

T = TypeVar("T")
Failed = Callable[[str, str], None]
"""Told of each failure: the plugin's name, and one of a few words for what was wrong."""


class Guard:
    """One plugin's.

    Args:
        plugin: its name.
        failed: told of each failure.
        timeout: seconds that it may take.
        monotonic: seconds.
    """

    def __init__(
        self,
        plugin: str,
        failed: Failed,
        *,
        timeout: float = TIMEOUT,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.plugin: Final = plugin
        self._failed: Final = failed
        self._timeout: Final = timeout
        self._monotonic: Final = monotonic
        self._logged: dict[str, float] = {}

    async def run(self, work: Coroutine[Any, Any, T], what: str) -> T:
        """Run a piece of the plugin's work, named ``what``.

        Raises:
            CommandError: the plugin's own, or in its place what went wrong.
        """
        task = asyncio.create_task(self._contained(work, what), name=f"plugin-{self.plugin}")
        # Whoever swallows the cancellation goes on unheard: what comes of it is nobody's.
        task.add_done_callback(lambda task: _forget(task, work))
        try:
            await asyncio.wait((task,), timeout=self._timeout)
        finally:
            task.cancel()
        if not task.done():
            self.complain(TIMED_OUT, f"{what} took longer than {self._timeout:g} s and was stopped")
            raise CommandError(f"{what} took longer than {self._timeout:g} s and was stopped")
        try:
            return task.result()
        except CommandError:
            raise
        except (Exception, asyncio.CancelledError) as error:
            self.complain(RAISED, f"{what} failed", error)
            raise CommandError(f"{what} failed, and the failure is logged") from None

    def bounded(self, answer: object, what: str) -> Answer:
        """The answer as far as it is one.

        Raises:
            CommandError: it is none.
        """
        if not isinstance(answer, Answer) or not _is_text(answer.lines) or not isinstance(answer.error, str | None):
            self.complain(INVALID, f"{what} returned no Answer")
            raise CommandError(f"{what} failed, and the failure is logged")
        if sum(map(len, answer.lines)) + len(answer.lines) <= LONGEST_ANSWER:
            return answer
        self.complain(TOO_LONG, f"{what} answered more than {LONGEST_ANSWER} characters, and was cut")
        text = "\n".join(answer.lines)[:LONGEST_ANSWER]
        return Answer([*text.split("\n"), "(cut: the answer was too long)"], error=answer.error)

    def complain(self, reason: str, text: str, error: BaseException | None = None, *, is_repeated: bool = True) -> None:
        """Count a failure, and log it; what may be repeated, not so soon after this plugin did the same before."""
        self._failed(self.plugin, reason)
        now = self._monotonic()
        if not is_repeated or now - self._logged.get(reason, float("-inf")) >= LOG_INTERVAL:
            self._logged[reason] = now
            log.error("plugin %s: %s", self.plugin, text, exc_info=error)

    async def _contained(self, work: Coroutine[Any, Any, T], what: str) -> T:
        def stepped(seconds: float) -> None:
            if seconds >= BLOCKED:
                self.complain(
                    HELD_UP,
                    f"{what} held up the whole bot for {seconds:.1f} s: what takes long belongs into asyncio.to_thread",
                )

        try:
            return await _in_steps(work, stepped, self._monotonic)
        except SystemExit as error:
            # Of a task it would end the process.
            raise RuntimeError(f"it called sys.exit({error.code!r})") from None


@types.coroutine
def _in_steps(
    work: Coroutine[Any, Any, T], stepped: Callable[[float], None], monotonic: Callable[[], float]
) -> Generator[Any, Any, T]:
    """Await ``work``, telling how long each step takes from one wait to the next."""
    resume: Callable[[Any], Any] = work.send
    sent: Any = None
    while True:
        began = monotonic()
        try:
            awaited = resume(sent)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            stepped(monotonic() - began)
        try:
            sent = yield awaited
            resume = work.send
        except BaseException as error:
            resume, sent = work.throw, error


def _is_text(lines: object) -> bool:
    return isinstance(lines, list) and all(isinstance(line, str) for line in lines)


def _forget(task: asyncio.Task[Any], work: Coroutine[Any, Any, Any]) -> None:
    # A task that was cancelled before its first step has not touched it.
    work.close()
    if not task.cancelled():
        task.exception()
