"""kopf watches the resources; each change of one wakes whoever looks after its kind.

Creation, update, deletion and what is there at the start all come as events of the watch, and kopf writes nothing into
the resources: its handlers of creations and updates would leave annotations there, its timers and daemons a finalizer.
kopf runs in a thread and an event loop of its own, since in the end it cancels every task of its loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, Final

import aiohttp
import kopf

from rosey_core.config.models import Operator
from rosey_operator.kubernetes.api import Connection, log_in
from rosey_operator.resources import cytube_channel, rosey_benchmark
from rosey_operator.resources.model import GROUP, VERSION

log = logging.getLogger(__name__)

RESTART_WAIT: Final = 2.0
BACKOFFS: Final = (1.0, 1.0, 2.0, 3.0, 5.0)
"""Seconds before a request of the watch that failed is made again; then all of it begins anew."""
_STOP_SECONDS: Final = 5.0
_CANCEL_WAIT: Final = 0.1
IDENTITY: Final[Any] = "rosey-operator"
"""What kopf calls itself among others of its kind, of which it is told that there are none."""

Wake = Callable[[], None]


class Watch:
    """Watches the resources.

    Args:
        config: which.
        wakes: by kind, what to call in this event loop when one has changed.
    """

    def __init__(self, config: Operator, wakes: Mapping[str, Wake]) -> None:
        self._config: Final = config
        self._wakes: Final = wakes
        self._stop: Final = threading.Event()
        self._ready: Final = threading.Event()
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None

    @property
    def is_watching(self) -> bool:
        """Whether kopf is at work."""
        return self._ready.is_set()

    async def run(self) -> None:
        """Watch until cancelled."""
        loop = asyncio.get_running_loop()
        # What is wrong is said here and by the controllers, once; kopf says it at each try, with all its frames.
        logging.getLogger("kopf").setLevel(logging.CRITICAL)
        done = asyncio.Event()
        thread = threading.Thread(target=self._keep_watching, args=(loop, done), name="kopf", daemon=True)
        thread.start()
        try:
            await done.wait()
        finally:
            self._stop.set()
            if self._running is not None:
                inner, task = self._running
                # Not by a flag: kopf then waits five seconds for its own tasks.
                with contextlib.suppress(RuntimeError):
                    inner.call_soon_threadsafe(task.cancel)
            joined = asyncio.create_task(asyncio.to_thread(thread.join, _STOP_SECONDS))
            while not joined.done():
                # Whoever ends this cancels it again and again.
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.shield(joined)

    def _keep_watching(self, loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
        problem = ""
        while not self._stop.is_set():
            try:
                asyncio.run(self._watch(loop))
            except asyncio.CancelledError:
                pass
            except Exception as error:
                text = str(error) or type(error).__name__
                if text != problem:
                    log.warning("watching the resources: %s; it begins anew until it succeeds", text)
                problem = text
            self._ready.clear()
            self._stop.wait(RESTART_WAIT)
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(done.set)

    async def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("not in a task")
        inner = asyncio.get_running_loop()
        # kopf's callbacks fail where a watch ends before its first answer; what matters its tasks fail with.
        inner.set_exception_handler(lambda _, context: log.debug("kopf: %s", context["message"]))
        self._running = inner, task
        if self._stop.is_set():
            return
        where: dict[str, Any] = (
            {"clusterwide": True} if self._config.cluster_wide else {"namespaces": [self._config.namespace]}
        )
        sessions = Sessions()
        try:
            # Not ``kopf.operator``: after a failure it waits five seconds for its other tasks, and for ever for one
            # that takes its cancellation for the end of a request.
            works = await kopf.spawn_tasks(
                registry=registry(self._wakes, loop.call_soon_threadsafe, sessions),
                settings=settings(),
                standalone=True,
                # Else kopf asks the system for the user's name, and a container's user may have none.
                identity=IDENTITY,
                ready_flag=self._ready,
                **where,
            )
            ended, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
            for work in ended:
                work.result()
        finally:
            await _end_others(task)
            await sessions.close()


async def _end_others(task: asyncio.Task[Any]) -> None:
    """End all tasks of this event loop but this one, which waits for them."""
    while others := asyncio.all_tasks() - {task}:
        for other in others:
            other.cancel()
        ended, _ = await asyncio.wait(others, timeout=_CANCEL_WAIT)
        for one in ended:
            # What they failed at has been told by the first, or is of no interest any more.
            _ = one.cancelled() or one.exception()


class Sessions:
    """The connections to the API that kopf uses, which closes its own only while tasks of it may still open others."""

    def __init__(self) -> None:
        self._opened: Final[list[aiohttp.ClientSession]] = []
        self._last: Connection | None = None

    async def log_in(self, **_: Any) -> kopf.AiohttpSession | None:
        """Open one, as whoever asks; ``None`` where that is nobody, or the one whom the API has just refused."""
        info = await asyncio.to_thread(log_in)
        if info is None or info == self._last:
            return None
        self._last = info
        connector = aiohttp.TCPConnector(limit=0, ssl=info.as_ssl_context())
        session = aiohttp.ClientSession(connector=connector, headers=info.as_http_headers())
        self._opened.append(session)
        return kopf.AiohttpSession(server=info.server, aiohttp_session=session)

    async def close(self) -> None:
        """Close all that were opened."""
        for session in self._opened:
            await session.close()
        self._opened.clear()


def registry(wakes: Mapping[str, Wake], call: Callable[[Wake], object], sessions: Sessions) -> kopf.OperatorRegistry:
    """The handlers: what is called by ``call`` when a resource of a kind has changed."""
    found = kopf.OperatorRegistry()
    for kind, plural in (
        (cytube_channel.KIND, cytube_channel.PLURAL),
        (rosey_benchmark.KIND, rosey_benchmark.PLURAL),
    ):
        if kind in wakes:

            async def changed(wake: Wake = wakes[kind], **_: Any) -> None:
                call(wake)

            kopf.on.event(GROUP, VERSION, plural, registry=found, id=plural)(changed)
    kopf.on.login(registry=found, id="login")(sessions.log_in)
    return found


def settings() -> kopf.OperatorSettings:
    """How kopf works here: it posts nothing, scans nothing, and keeps to bounds."""
    found = kopf.OperatorSettings()
    found.posting.enabled = False
    found.scanning.disabled = True
    found.process.ultimate_exiting_timeout = None
    # A watch whose other end is gone without a word is begun anew.
    found.watching.server_timeout = 300
    found.watching.client_timeout = 330
    found.watching.connect_timeout = 10
    found.networking.request_timeout = 30
    found.networking.error_backoffs = BACKOFFS
    return found
