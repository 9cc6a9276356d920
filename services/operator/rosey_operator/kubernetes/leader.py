"""Who of several operators acts: the one that holds a Lease of ``coordination.k8s.io``.

A holder that cannot renew it acts no more before others may take it: it counts from when it last asked, they count
from when they last saw it renewed, each by its own clock.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from rosey_operator.kubernetes.api import ApiError, Conflict, Kubernetes, NotFound, Object

log = logging.getLogger(__name__)

DURATION: Final = 6
"""Seconds without renewal after which another may take the lease."""
RENEW_INTERVAL: Final = 1.5
MARGIN: Final = 2.0
"""Seconds before the end of the lease from which on its holder does not act."""
ABANDONED: Final = 60.0
"""Seconds without renewal, by the time that stands in the lease, after which nobody waits for its holder."""


class Leader:
    """Keeps, or waits for, a lease.

    Args:
        kubernetes: the API.
        namespace: where the lease is.
        name: its name.
        identity: who this is; the same after a restart of the same pod's container, which need not wait.
        clock: seconds that only grow.
        wall_clock: Unix seconds.
    """

    def __init__(
        self,
        kubernetes: Kubernetes,
        *,
        namespace: str,
        name: str,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._kubernetes: Final = kubernetes
        self._leases: Final = f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"
        self._namespace: Final = namespace
        self._name: Final = name
        self._identity: Final = identity
        self._clock: Final = clock
        self._wall_clock: Final = wall_clock
        self._held_until = 0.0
        self._seen = ""
        self._seen_at = 0.0
        self.holder = ""
        self.gained: Final = asyncio.Event()
        """Set whenever the lease has been gained; whoever waits clears it."""

    @property
    def leads(self) -> bool:
        """Whether this one may act now."""
        return self._clock() < self._held_until

    async def run(self) -> None:
        """Keep at it until cancelled; then give the lease up, so that nobody waits for its end."""
        problem = ""
        try:
            while True:
                try:
                    await self._try()
                    problem = ""
                except ApiError as error:
                    if str(error) != problem:
                        log.warning("the lease %s: %s", self._name, error)
                    problem = str(error)
                await asyncio.sleep(RENEW_INTERVAL)
        finally:
            await self._release()

    async def _try(self) -> None:
        asked = self._clock()
        path = f"{self._leases}/{self._name}"
        try:
            lease = await self._kubernetes.get(path)
        except NotFound:
            metadata = {"name": self._name, "namespace": self._namespace}
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
            try:
                await self._kubernetes.create(self._leases, {**lease, "spec": self._spec({})})
            except Conflict:
                return
            self._gain(asked)
            return
        spec = lease.get("spec") or {}
        if not self._may_take(lease):
            self.holder = spec.get("holderIdentity") or ""
            return
        try:
            await self._kubernetes.replace(path, {**lease, "spec": self._spec(spec)})
        except Conflict:
            return
        self._gain(asked)

    def _may_take(self, lease: Object) -> bool:
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity")
        if not holder or holder == self._identity:
            return True
        version = lease["metadata"]["resourceVersion"]
        if version != self._seen:
            self._seen, self._seen_at = version, self._clock()
        if self._clock() - self._seen_at > (spec.get("leaseDurationSeconds") or DURATION):
            return True
        return self._wall_clock() - _seconds(spec.get("renewTime")) > ABANDONED

    def _spec(self, before: Object) -> Object:
        now = datetime.fromtimestamp(self._wall_clock(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        is_same = before.get("holderIdentity") == self._identity
        changes = before.get("leaseTransitions") or 0
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": DURATION,
            "acquireTime": before.get("acquireTime") or now if is_same else now,
            "renewTime": now,
            "leaseTransitions": changes if is_same else changes + 1,
        }

    def _gain(self, asked: float) -> None:
        is_new = not self.leads
        self.holder = self._identity
        self._held_until = asked + DURATION - MARGIN
        if is_new:
            log.info("leads, by the lease %s", self._name)
            self.gained.set()

    async def _release(self) -> None:
        was_leading, self._held_until = self.leads, 0.0
        if not was_leading:
            return
        try:
            lease = await self._kubernetes.get(f"{self._leases}/{self._name}")
            spec = lease.get("spec") or {}
            if spec.get("holderIdentity") == self._identity:
                free = {**lease, "spec": {**spec, "holderIdentity": "", "leaseDurationSeconds": 1}}
                await self._kubernetes.replace(f"{self._leases}/{self._name}", free)
        except ApiError as error:
            log.info("the lease %s ends by itself: %s", self._name, error)


def _seconds(time: str | None) -> float:
    try:
        return datetime.fromisoformat(time or "").timestamp()
    except ValueError:
        return float("inf")
