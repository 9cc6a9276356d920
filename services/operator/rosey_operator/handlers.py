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

import kopf

from rosey_core.config.models import Operator
from rosey_operator.kubernetes.api import log_in
from rosey_operator.resources import cytube_channel, rosey_benchmark
from rosey_operator.resources.model import GROUP, VERSION

log = logging.getLogger(__name__)

RESTART_WAIT: Final = 2.0
_STOP_SECONDS: Final = 5.0
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
            await asyncio.to_thread(thread.join, _STOP_SECONDS)

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
        self._running = asyncio.get_running_loop(), task
        if self._stop.is_set():
            return
        where: dict[str, Any] = (
            {"clusterwide": True} if self._config.cluster_wide else {"namespaces": [self._config.namespace]}
        )
        await kopf.operator(
            registry=registry(self._wakes, loop.call_soon_threadsafe),
            settings=settings(),
            standalone=True,
            # Else kopf asks the system for the user's name, and a container's user may have none.
            identity=IDENTITY,
            ready_flag=self._ready,
            **where,
        )


def registry(wakes: Mapping[str, Wake], call: Callable[[Wake], object]) -> kopf.OperatorRegistry:
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
    kopf.on.login(registry=found, id="login")(log_in)
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
    return found
