"""Looks after ``CytubeChannel`` resources: what the bots are told, the secrets that they see, and each one's status."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from rosey_operator.buckets import Buckets
from rosey_operator.controllers.controller import Controller, gathered
from rosey_operator.kubernetes.api import ApiError, NotFound, Object
from rosey_operator.kubernetes.resources import declared
from rosey_operator.reconcile.channels import reconcile, secrets_of
from rosey_operator.reconcile.declared import SetStatus
from rosey_operator.reconcile.state import (
    Action,
    Actual,
    Channel,
    CopySecrets,
    DeleteEntry,
    PutEntry,
    Scope,
    Wanted,
)
from rosey_operator.resources.cytube_channel import KIND, PLURAL, READY, ChannelSpec, ChannelStatus

log = logging.getLogger(__name__)

NATS_GRACE: Final = 3.0
"""Seconds for which NATS may be away before that is told: a reconnection is no news in every resource."""
SECRET_AGE: Final = 8.0
"""Seconds after which a Secret is read anew: it is asked for by name, since to watch them would be to read them all."""
TOUCHES: Final = 2
"""How often the files are brought to the pods: at first the kubelet may not have known the Secret yet."""
AGAIN: Final = 2.0
"""Seconds between two times."""
TRIES: Final = 30
"""How often that is tried at most; a kubelet left to itself has brought them after so many."""
REFRESHED: Final = "rosey.chat/secrets-changed"

Secrets = dict[tuple[str, str], dict[str, str] | None]


class ChannelController(Controller):
    """Looks after the channels.

    Args:
        buckets: the channels in NATS.
        arguments: those of ``Controller``.
    """

    kind = KIND
    plural = PLURAL

    def __init__(self, buckets: Buckets, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._buckets: Final = buckets
        self._scope: Final = Scope(None if self.config.cluster_wide else self.config.namespace)
        self._copy: Final = f"/api/v1/namespaces/{self.config.namespace}/secrets/{self.config.secret}"
        self._secrets: Secrets = {}
        self._read_at: dict[tuple[str, str], float] = {}
        self._refreshing: asyncio.Task[None] | None = None
        buckets.on_changed(self.wake)

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            await super().run()
        finally:
            if self._refreshing is not None:
                self._refreshing.cancel()

    async def look_and_act(self) -> None:
        """Do what is to be done."""
        if 0 < self._buckets.away < NATS_GRACE:
            await self.look()
            return
        wanted, actual, problem = await self._look()
        actions = reconcile(wanted, actual, self._scope, self.clock())
        # Entries and secrets have an order; the others are each about another object.
        await self.act(actions, self._do, lambda action: isinstance(action, SetStatus))
        if any(isinstance(action, PutEntry | DeleteEntry) for action in actions):
            # The status tells of the entry as it is now.
            self.wake()
        ready = Counter(_ready(channel.status) for channel in wanted.channels)
        for status in ("True", "False", "Unknown"):
            self.metrics.channels[status].set(ready[status])
        if problem is not None:
            raise problem

    async def _look(self) -> tuple[Wanted, Actual, ApiError | None]:
        # NATS first: what is added there after this look is not taken for one whose resource is gone.
        entries, statuses, problem = self._buckets.entries, self._buckets.statuses, self._buckets.problem or ""
        channels = [_channel(found) for found in await self.resources()]
        copies: dict[str, str] = {}
        missing = None
        try:
            copies = (await self.kubernetes.get(self._copy)).get("data") or {}
        except NotFound as error:
            # What needs no secret goes on.
            text = f"the Secret {self.config.secret}, which the bots see, is gone: helm upgrade makes it anew"
            missing = ApiError(error.status, text)
        secrets = await self._read_secrets(channels)
        return Wanted(channels, secrets), Actual(entries, statuses, copies, problem), missing

    async def _read_secrets(self, channels: Iterable[Channel]) -> Secrets:
        now = self.clock()
        referred = {place for channel in channels for place in secrets_of(channel)}
        stale = [
            place for place in referred if self._secrets.get(place) is None or now - self._read_at[place] > SECRET_AGE
        ]
        for place in self._read_at.keys() - referred:
            self._secrets.pop(place, None)
            del self._read_at[place]

        async def read(place: tuple[str, str]) -> bool:
            namespace, name = place
            self._read_at[place] = now
            try:
                found = await self.kubernetes.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
            except NotFound:
                self._secrets[place] = None
            except ApiError as error:
                # What was known of it is used on.
                log.warning("%s", error)
                self._secrets.pop(place, None)
                return False
            else:
                self._secrets[place] = found.get("data") or {}
            return True

        await gathered(read, stale)
        return dict(self._secrets)

    async def _do(self, action: Action) -> None:
        match action:
            case PutEntry(key, value, revision):
                await self._buckets.put(key, value, revision)
                log.info("%s: handed to the bots", key)
            case DeleteEntry(key, revision):
                await self._buckets.delete(key, revision)
                log.info("%s: taken from the bots", key)
            case CopySecrets(values):
                await self.kubernetes.patch(self._copy, {"data": dict(values)})
                log.info("%d secrets changed", len(values))
                self._refresh()
            case SetStatus():
                await self.tell(action)

    def _refresh(self) -> None:
        """Have the kubelets bring the Secret's files to the bots now: they do when a pod changes, else in a minute."""
        if self._refreshing is not None:
            self._refreshing.cancel()
        self._refreshing = asyncio.create_task(self._touch_pods_twice(), name="refresh")

    async def _touch_pods_twice(self) -> None:
        done = 0
        for _ in range(TRIES):
            try:
                await self._touch_pods()
                done += 1
            except ApiError as error:
                log.warning("%s", error)
            if done == TOUCHES:
                return
            await asyncio.sleep(AGAIN)

    async def _touch_pods(self) -> None:
        pods = f"/api/v1/namespaces/{self.config.namespace}/pods"
        at = datetime.fromtimestamp(self.clock(), UTC).isoformat()
        for pod in await self.kubernetes.list(pods, labelSelector=self.config.bots):
            if "deletionTimestamp" not in pod["metadata"]:
                patch = {"metadata": {"annotations": {REFRESHED: at}}}
                try:
                    await self.kubernetes.patch(f"{pods}/{pod['metadata']['name']}", patch)
                except NotFound:
                    continue


def _channel(found: Object) -> Channel:
    return declared(found, ChannelSpec, ChannelStatus)


def _ready(status: ChannelStatus) -> str:
    return next((one.status for one in status.conditions if one.type == READY), "Unknown")
