"""Brings the bots to what the resources say: looks, has ``reconcile`` say what is to be done, and does it.

It looks whenever somebody says that something has changed, and every few seconds: whatever it misses or fails at is
made good by the next look. Resources are read from the API each time, so that one that is gone is known to be gone;
that is why they need no finalizer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from rosey_core.config.models import Operator
from rosey_core.telemetry.metrics_operator import OperatorMetrics
from rosey_operator.buckets import BucketError, Buckets
from rosey_operator.kubernetes.api import ApiError, Kubernetes, NotFound, Object
from rosey_operator.kubernetes.leader import Leader
from rosey_operator.reconcile.channels import reconcile, secrets_of
from rosey_operator.reconcile.state import (
    Action,
    Actual,
    Channel,
    CopySecrets,
    DeleteEntry,
    EmitEvent,
    PutEntry,
    Scope,
    SetStatus,
    Wanted,
)
from rosey_operator.resources.cytube_channel import KIND, PLURAL, READY, ChannelSpec, ChannelStatus
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
NATS_GRACE: Final = 3.0
"""Seconds for which NATS may be away before that is told: a reconnection is no news in every resource."""
SECRET_AGE: Final = 8.0
"""Seconds after which a Secret is read anew: it is asked for by name, since to watch them would be to read them all."""
AGAIN: Final = 2.0
"""Seconds after which the files are brought to the pods once more: the kubelet may not have known the Secret yet."""
AT_ONCE: Final = 8
REFRESHED: Final = "rosey.chat/secrets-changed"
_LONGEST_MESSAGE: Final = 1000

Secrets = dict[tuple[str, str], dict[str, str] | None]


class Controller:
    """Looks after the channels.

    Args:
        kubernetes: the API.
        buckets: the channels in NATS.
        leader: whether this operator acts.
        config: what it looks after.
        metrics: told of its work.
        tracing: makes traces, where they are exported.
        clock: Unix seconds.
    """

    def __init__(
        self,
        kubernetes: Kubernetes,
        buckets: Buckets,
        leader: Leader,
        config: Operator,
        metrics: OperatorMetrics,
        *,
        tracing: Tracing | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kubernetes: Final = kubernetes
        self._buckets: Final = buckets
        self._leader: Final = leader
        self._config: Final = config
        self._metrics: Final = metrics
        self._tracing: Final = tracing
        self._clock: Final = clock
        self._scope: Final = Scope(None if config.cluster_wide else config.namespace)
        self._copy: Final = f"/api/v1/namespaces/{config.namespace}/secrets/{config.secret}"
        self._secrets: Secrets = {}
        self._read_at: dict[tuple[str, str], float] = {}
        self._changed: Final = asyncio.Event()
        self._refreshing: asyncio.Task[None] | None = None
        self.problem: str | None = "has not looked yet"
        self.has_looked: Final = asyncio.Event()
        """Set when it has been able to."""

    def wake(self) -> None:
        """Something has changed: look soon."""
        self._changed.set()

    async def run(self) -> None:
        """Work until cancelled."""
        try:
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
                if self._leader.leads:
                    await self._look_and_act()
                else:
                    await self._look_only()
        finally:
            if self._refreshing is not None:
                self._refreshing.cancel()

    async def _look_only(self) -> None:
        """Find out whether it could act, as one who waits for the lead or for NATS."""
        try:
            await self._kubernetes.get(self._list_path(), limit="1")
        except ApiError as error:
            self._note(_advice(error))
        else:
            self._note(None)

    async def _look_and_act(self) -> None:
        if 0 < self._buckets.away < NATS_GRACE:
            await self._look_only()
            return
        began = time.perf_counter()
        try:
            wanted, actual = await self._look()
        except ApiError as error:
            self._note(_advice(error))
            self._metrics.passes[KIND, "error"].inc()
            return
        self._note(None)
        actions = reconcile(wanted, actual, self._scope, self._clock())
        if actions:
            await self._act(actions)
        ready = Counter(_ready(channel.status) for channel in wanted.channels)
        for status in ("True", "False", "Unknown"):
            self._metrics.channels[status].set(ready[status])
        self._metrics.passes[KIND, "success"].inc()
        self._metrics.pass_seconds.observe(time.perf_counter() - began)

    def _note(self, problem: str | None) -> None:
        if problem is not None and problem != self.problem:
            log.warning("%s", problem)
        self.problem = problem
        if problem is None:
            self.has_looked.set()

    def _list_path(self) -> str:
        where = "" if self._config.cluster_wide else f"/namespaces/{self._config.namespace}"
        return f"/apis/{API_VERSION}{where}/{PLURAL}"

    async def _look(self) -> tuple[Wanted, Actual]:
        # NATS first: what is added there after this look is not taken for one whose resource is gone.
        entries, statuses, problem = self._buckets.entries, self._buckets.statuses, self._buckets.problem or ""
        channels = [_channel(found) for found in await self._kubernetes.list(self._list_path())]
        copy = await self._kubernetes.get(self._copy)
        secrets = await self._read_secrets(channels)
        return Wanted(channels, secrets), Actual(entries, statuses, copy.get("data") or {}, problem)

    async def _read_secrets(self, channels: Iterable[Channel]) -> Secrets:
        now = self._clock()
        referred = {place for channel in channels for place in secrets_of(channel)}
        stale = [
            place for place in referred if self._secrets.get(place) is None or now - self._read_at[place] > SECRET_AGE
        ]
        for place in self._secrets.keys() - referred:
            del self._secrets[place]
        slots = asyncio.Semaphore(AT_ONCE)

        async def read(place: tuple[str, str]) -> None:
            namespace, name = place
            async with slots:
                try:
                    found = await self._kubernetes.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
                except NotFound:
                    self._secrets[place] = None
                except ApiError as error:
                    # What was known of it is used on.
                    log.warning("%s", error)
                    self._secrets.pop(place, None)
                else:
                    self._secrets[place] = found.get("data") or {}
            self._read_at[place] = now

        await asyncio.gather(*map(read, stale))
        return dict(self._secrets)

    async def _act(self, actions: Iterable[Action]) -> None:
        span = None if self._tracing is None else self._tracing.start("reconcile channels")
        last: list[Action] = []
        counts = Counter(type(action).__name__ for action in actions)
        failed = 0
        for action in actions:
            if isinstance(action, SetStatus | EmitEvent):
                # Each is about another object; entries and secrets have an order.
                last.append(action)
            else:
                failed += not await self._try(action)
        slots = asyncio.Semaphore(AT_ONCE)

        async def one(action: Action) -> bool:
            async with slots:
                return await self._try(action)

        failed += (await asyncio.gather(*map(one, last))).count(False)
        if any(isinstance(action, PutEntry | DeleteEntry) for action in actions):
            # The status tells of the entry as it is now.
            self._changed.set()
        if span is not None:
            span.set({f"rosey.actions.{name}": count for name, count in counts.items()})
            if failed:
                span.fail("actions", f"{failed} of them failed")
            span.end()

    async def _try(self, action: Action) -> bool:
        name = type(action).__name__
        if not self._leader.leads:
            self._metrics.actions[name, "skipped"].inc()
            return False
        try:
            await self._do(action)
        except NotFound:
            # Its resource has gone meanwhile.
            self._metrics.actions[name, "skipped"].inc()
        except (ApiError, BucketError) as error:
            log.warning("%s", error)
            self._metrics.actions[name, "error"].inc()
            return False
        else:
            self._metrics.actions[name, "success"].inc()
        return True

    async def _do(self, action: Action) -> None:
        match action:
            case PutEntry(key, value, revision):
                await self._buckets.put(key, value, revision)
                log.info("%s: handed to the bots", key)
            case DeleteEntry(key, revision):
                await self._buckets.delete(key, revision)
                log.info("%s: taken from the bots", key)
            case CopySecrets(values):
                await self._kubernetes.patch(self._copy, {"data": dict(values)})
                log.info("%d secrets changed", len(values))
                await self._refresh()
            case SetStatus(channel, status):
                await self._set_status(channel, status)
            case EmitEvent():
                await self._emit(action)

    async def _set_status(self, channel: Channel, status: ChannelStatus) -> None:
        new, old = status.as_json(), channel.status.as_json()
        changes: dict[str, Any] = {**dict.fromkeys(old.keys() - new.keys()), **new}
        # By its uid: another of the same name may have come into its place.
        body = {"metadata": {"uid": channel.uid}, "status": changes}
        path = f"/apis/{API_VERSION}/namespaces/{channel.namespace}/{PLURAL}/{channel.name}/status"
        await self._kubernetes.patch(path, body)

    async def _emit(self, event: EmitEvent) -> None:
        channel = event.channel
        now = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        about = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "namespace": channel.namespace,
            "name": channel.name,
            "uid": channel.uid,
        }
        body = {
            "metadata": {"generateName": f"{channel.name[:200]}.", "namespace": channel.namespace},
            "involvedObject": about,
            "type": event.type,
            "reason": event.reason,
            "message": event.message[:_LONGEST_MESSAGE],
            "source": {"component": "rosey-operator"},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        await self._kubernetes.create(f"/api/v1/namespaces/{channel.namespace}/events", body)

    async def _refresh(self) -> None:
        """Have the kubelets bring the Secret's files to the bots now: it does when a pod changes, else in a minute."""
        await self._touch_pods()
        if self._refreshing is not None:
            self._refreshing.cancel()
        self._refreshing = asyncio.create_task(self._touch_pods_again(), name="refresh")

    async def _touch_pods_again(self) -> None:
        await asyncio.sleep(AGAIN)
        try:
            await self._touch_pods()
        except ApiError as error:
            log.warning("%s", error)

    async def _touch_pods(self) -> None:
        pods = f"/api/v1/namespaces/{self._config.namespace}/pods"
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat()
        for pod in await self._kubernetes.list(pods, labelSelector=self._config.bots):
            if "deletionTimestamp" not in pod["metadata"]:
                patch = {"metadata": {"annotations": {REFRESHED: at}}}
                try:
                    await self._kubernetes.patch(f"{pods}/{pod['metadata']['name']}", patch)
                except NotFound:
                    continue


def _channel(found: Object) -> Channel:
    metadata = found["metadata"]
    spec: ChannelSpec | str
    try:
        spec = ChannelSpec.model_validate(found.get("spec") or {})
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)[0]
        spec = f"{'.'.join(map(str, ('spec', *details['loc'])))}: {details['msg']}"
    try:
        status = ChannelStatus.model_validate(found.get("status") or {})
    except ValidationError:
        status = ChannelStatus()
    return Channel(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        created=metadata["creationTimestamp"],
        spec=spec,
        status=status,
    )


def _ready(status: ChannelStatus) -> str:
    found: Mapping[str, str] = {one.type: one.status for one in status.conditions}
    return found.get(READY, "Unknown")


def _advice(error: ApiError) -> str:
    if isinstance(error, NotFound) and PLURAL in str(error):
        return f"the cluster does not know {PLURAL}: apply the chart's charts/crds/crds (docs/operator.md)"
    return str(error)
