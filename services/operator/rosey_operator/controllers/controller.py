"""What controllers have in common: when they look, what they make of failures, and how they act.

A controller looks whenever somebody says that something has changed, and every few seconds: whatever it misses or fails
at is made good by the next look. Resources are read from the API each time, so that one that is gone is known to be
gone; that is why they need no finalizer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rosey_core.config.models import Operator
from rosey_core.telemetry.metrics_operator import OperatorMetrics
from rosey_operator.buckets import BucketError
from rosey_operator.kubernetes.api import ApiError, Kubernetes, NotFound, Object
from rosey_operator.kubernetes.leader import Leader
from rosey_operator.kubernetes.resources import emit, write_status
from rosey_operator.reconcile.declared import SetStatus
from rosey_operator.resources.model import API_VERSION

if TYPE_CHECKING:
    from rosey_core.telemetry.tracing_spans import Tracing

log = logging.getLogger(__name__)

LOOK_INTERVAL: Final = 5.0
"""Seconds between two looks where nobody says that something has changed."""
GATHER: Final = 0.1
"""Seconds in which changes are gathered into one look."""
SHORTEST_INTERVAL: Final = 1.0
"""Seconds between two looks, however much changes."""
AT_ONCE: Final = 8

_T = TypeVar("_T")


class Controller(ABC):
    """Looks after the resources of a kind.

    Args:
        kubernetes: the API.
        leader: whether this operator acts.
        config: what it looks after.
        metrics: told of its work.
        tracing: makes traces, where they are exported.
        clock: Unix seconds.
    """

    kind: str
    plural: str

    def __init__(
        self,
        kubernetes: Kubernetes,
        leader: Leader,
        config: Operator,
        metrics: OperatorMetrics,
        *,
        tracing: Tracing | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.kubernetes: Final = kubernetes
        self.leader: Final = leader
        self.config: Final = config
        self.metrics: Final = metrics
        self.clock: Final = clock
        self._tracing: Final = tracing
        self._changed: Final = asyncio.Event()
        self.problem: str | None = "has not looked yet"
        self.has_looked: Final = asyncio.Event()
        """Set when it has been able to."""

    @property
    def list_path(self) -> str:
        """Where the resources are."""
        where = "" if self.config.cluster_wide else f"/namespaces/{self.config.namespace}"
        return f"/apis/{API_VERSION}{where}/{self.plural}"

    def wake(self) -> None:
        """Something has changed: look soon."""
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled."""
        last = 0.0
        while True:
            try:
                async with asyncio.timeout(LOOK_INTERVAL):
                    await self._changed.wait()
                await asyncio.sleep(max(GATHER, last + SHORTEST_INTERVAL - time.monotonic()))
            except TimeoutError:
                pass
            self._changed.clear()
            last = time.monotonic()
            await self._work()

    async def _work(self) -> None:
        began = time.perf_counter()
        try:
            if not self.leader.leads:
                await self.look()
                self._note(None)
                return
            await self.look_and_act()
        except ApiError as error:
            self._note(self._advice(error))
            self.metrics.passes[self.kind, "error"].inc()
        except Exception as error:
            # A resource that nobody thought of must not end the work on all others for good.
            log.exception("looking after %s failed; it goes on", self.plural)
            self.problem = f"{type(error).__name__}: the log says more"
            self.metrics.passes[self.kind, "error"].inc()
        else:
            self._note(None)
            self.metrics.passes[self.kind, "success"].inc()
            self.metrics.pass_seconds.observe(time.perf_counter() - began)

    async def resources(self) -> list[Object]:
        """All resources; those left out that are deleted, and only there because somebody's finalizer holds them.

        Raises:
            ApiError: they cannot be had.
        """
        found = await self.kubernetes.list(self.list_path)
        return [one for one in found if "deletionTimestamp" not in one["metadata"]]

    async def look(self) -> None:
        """Find out whether it could act.

        Raises:
            ApiError: it could not.
        """
        await self.kubernetes.get(self.list_path, limit="1")

    @abstractmethod
    async def look_and_act(self) -> None:
        """Do what is to be done.

        Raises:
            ApiError: it cannot be found out.
        """

    async def tell(self, action: SetStatus[Any, Any]) -> None:
        """Write a status, and the events that have led to it.

        Raises:
            ApiError: they cannot be written.
        """
        await write_status(self.kubernetes, self.plural, action)
        for event in action.events:
            await emit(self.kubernetes, self.kind, action.resource, event, now=self.clock())

    async def act(
        self,
        actions: Collection[_T],
        do: Callable[[_T], Awaitable[None]],
        at_once: Callable[[_T], bool],
    ) -> None:
        """Do these, each whatever becomes of the others.

        Args:
            actions: in order.
            do: does one.
            at_once: which may be done at the same time as others, after those that have an order.
        """
        if not actions:
            return
        span = None if self._tracing is None else self._tracing.start(f"reconcile {self.plural}")
        failed = 0
        for action in actions:
            if not at_once(action):
                failed += not await self._try(action, do)
        results = await gathered(lambda action: self._try(action, do), filter(at_once, actions))
        failed += results.count(False)
        if span is not None:
            counts = Counter(type(action).__name__ for action in actions)
            span.set({f"rosey.actions.{name}": count for name, count in counts.items()})
            if failed:
                span.fail("actions", f"{failed} of them failed")
            span.end()

    async def _try(self, action: _T, do: Callable[[_T], Awaitable[None]]) -> bool:
        name = type(action).__name__
        if not self.leader.leads:
            self.metrics.actions[name, "skipped"].inc()
            return False
        try:
            await do(action)
        except NotFound:
            # Its resource has gone meanwhile.
            self.metrics.actions[name, "skipped"].inc()
        except (ApiError, BucketError) as error:
            log.warning("%s", error)
            self.metrics.actions[name, "error"].inc()
            return False
        else:
            self.metrics.actions[name, "success"].inc()
        return True

    def _note(self, problem: str | None) -> None:
        if problem is not None and problem != self.problem:
            log.warning("%s", problem)
        self.problem = problem
        if problem is None:
            self.has_looked.set()

    def _advice(self, error: ApiError) -> str:
        if isinstance(error, NotFound) and self.plural in str(error):
            return f"the cluster does not know {self.plural}: apply the chart's charts/crds/crds (docs/operator.md)"
        return str(error)


async def gathered(do: Callable[[_T], Awaitable[bool]], items: Iterable[_T]) -> list[bool]:
    """The results of ``do`` for each, a few at once."""
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(item: _T) -> bool:
        async with slots:
            return await do(item)

    return await asyncio.gather(*map(one, items))
