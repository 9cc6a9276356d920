"""``rosey-operator``: brings the bots to what Kubernetes' resources say."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from functools import partial
from typing import Final

from rosey_core import reachability
from rosey_core.bus import Bus, end_task
from rosey_core.config import Config
from rosey_core.health import Health
from rosey_core.service import ServiceContext, run
from rosey_core.telemetry.metrics import BusMetrics
from rosey_core.telemetry.metrics_operator import OperatorMetrics
from rosey_operator.buckets import Buckets
from rosey_operator.controllers.benchmarks import BenchmarkController
from rosey_operator.controllers.channels import ChannelController
from rosey_operator.controllers.controller import Controller
from rosey_operator.handlers import Watch
from rosey_operator.kubernetes.api import ApiError, Kubernetes
from rosey_operator.kubernetes.leader import Leader
from rosey_operator.resources import cytube_channel
from rosey_operator.resources.model import API_VERSION

log = logging.getLogger(__name__)

NAME: Final = "rosey-operator"
DESCRIPTION: Final = "Brings the bots to what Kubernetes' resources say, and tells in them how the channels fare."
REPORT_INTERVAL: Final = 0.5
CHECK_TIMEOUT: Final = 5.0
NATS: Final = "nats"
KUBERNETES: Final = "kubernetes"
_UNUSED: Final = ("platforms", "bot", "database", "stream")
"""What concerns others."""


def main() -> int:
    """The program."""
    return run(NAME, DESCRIPTION, check, serve)


async def check(config: Config) -> list[str]:
    """What would keep the operator from its work: Kubernetes' API, its resources, or NATS."""
    problems = []
    kubernetes = Kubernetes()
    try:
        where = "" if config.operator.cluster_wide else f"/namespaces/{config.operator.namespace}"
        await kubernetes.get(f"/apis/{API_VERSION}{where}/{cytube_channel.PLURAL}", limit="1")
    except ApiError as error:
        problems.append(str(error))
    finally:
        await kubernetes.close()
    bus = Bus(**config.nats.options(), name=NAME)
    await bus.start()
    try:
        problem = await reachability.problem(bus, config.nats.url, CHECK_TIMEOUT)
    finally:
        await bus.close()
    return problems if problem is None else [*problems, problem]


async def serve(config: Config, context: ServiceContext) -> None:
    """Work until asked to stop."""
    context.health.expect(NATS, KUBERNETES)
    context.reload.offer(_apply, (), unused=_UNUSED)
    metrics = OperatorMetrics(context.registry)
    bus = Bus(**config.nats.options(), name=NAME)
    BusMetrics(context.registry, bus)
    kubernetes = Kubernetes()
    identity = socket.gethostname()
    leader = Leader(kubernetes, namespace=config.operator.namespace, name=config.operator.lease, identity=identity)
    buckets = Buckets(bus)
    common = (kubernetes, leader, config.operator, metrics)
    controllers: list[Controller] = [
        ChannelController(buckets, *common, tracing=context.tracing),
        BenchmarkController(*common, tracing=context.tracing),
    ]
    wakes = {controller.kind: partial(_changed, controller, metrics) for controller in controllers}
    watch = Watch(config.operator, wakes)
    await bus.start()
    works = [
        asyncio.create_task(_watch(watch, controllers), name="watch"),
        asyncio.create_task(buckets.run(), name="buckets"),
        *(asyncio.create_task(controller.run(), name=controller.kind) for controller in controllers),
        asyncio.create_task(_report(context.health, leader, buckets, controllers, watch, metrics), name="reporter"),
    ]
    lead = asyncio.create_task(leader.run(), name="leader")
    try:
        await context.stop.wait()
    finally:
        await asyncio.gather(*map(end_task, works))
        # Last: nothing is done any more when another may begin.
        await end_task(lead)
        await bus.close()
        await kubernetes.close()


async def _apply(config: Config) -> None:
    """Nothing of what it uses can be changed without a restart."""


def _changed(controller: Controller, metrics: OperatorMetrics) -> None:
    metrics.changes[controller.kind].inc()
    controller.wake()


async def _watch(watch: Watch, controllers: Sequence[Controller]) -> None:
    for controller in controllers:
        # kopf says in a hundred lines that the cluster does not know a resource.
        await controller.has_looked.wait()
    await watch.run()


async def _report(
    health: Health,
    leader: Leader,
    buckets: Buckets,
    controllers: Sequence[Controller],
    watch: Watch,
    metrics: OperatorMetrics,
) -> None:
    while True:
        health.report(NATS, buckets.problem)
        health.report(KUBERNETES, next(filter(None, (one.problem for one in controllers)), None))
        metrics.leads.set(leader.leads)
        metrics.watches.set(watch.is_watching)
        if leader.gained.is_set():
            leader.gained.clear()
            for controller in controllers:
                controller.wake()
        await asyncio.sleep(REPORT_INTERVAL)
