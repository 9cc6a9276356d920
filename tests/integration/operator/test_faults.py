"""What people and clusters do to the operator: it says what is wrong, harms nothing, and makes all good afterwards."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rosey_operator.controllers.controller import Controller
from rosey_operator.kubernetes.resources import emit
from rosey_operator.reconcile.declared import SetStatus
from tests.integration.operator.conftest import Bucket, MakeOperator, Operator, base64_of, conditions
from tests.integration.operator.test_benchmarks import BENCHMARKS, TEMPLATE
from tests.integration.operator.test_channels import CHANNELS, SECRET, is_ready
from tests.support.kubernetes_api import KubernetesApi
from tests.support.waiting import until

ACCOUNT = {"user": "Rosey", "passwordSecretRef": {"name": "account"}}


def passes(operator: Operator) -> float:
    return operator.metric("rosey_operator_passes_total", kind="CytubeChannel", outcome="success")


async def rest(operator: Operator) -> None:
    """Wait for two whole passes from now on."""
    before = passes(operator)
    await until(lambda: passes(operator) >= before + 3)


def writes(api: KubernetesApi) -> list[tuple[str, str]]:
    return [(method, path) for method, path in api.requests if method != "GET"]


def tried(api: KubernetesApi, method: str, plural: str, times: int) -> Callable[[], bool]:
    return lambda: sum(one == method and f"/{plural}" in path for one, path in api.requests) >= times


@pytest.mark.parametrize("status", [429, 500])
@pytest.mark.parametrize("refused", [("GET", CHANNELS), ("WATCH", CHANNELS), ("PATCH", CHANNELS), ("PUT", "leases")])
async def test_an_api_server_that_is_overloaded_is_asked_again(
    operator: Operator, api: KubernetesApi, bucket: Bucket, refused: tuple[str, str], status: int
) -> None:
    api.put(CHANNELS, "one", {"spec": {"channel": "one"}})
    await until(is_ready(api, "one", "Unknown", "NoWorker"))
    api.refuse[refused] = status
    if refused[0] == "WATCH":
        api.lose_watches()
    api.put(CHANNELS, "two", {"spec": {"channel": "two"}})
    before = api.refusals
    await until(lambda: api.refusals >= before + 3)
    api.refuse.clear()
    await until(is_ready(api, "two", "Unknown", "NoWorker"), timeout=20)
    assert sorted(await bucket.entries()) == ["one", "two"]
    await until(lambda: operator.health.ready)


async def told_while_no_status_can_be_written(operator: Operator, api: KubernetesApi) -> list[str]:
    """The reasons of the events."""
    api.refuse["PATCH", CHANNELS] = 500
    api.put(CHANNELS, "one", {"spec": {"channel": "one"}})
    await until(tried(api, "PATCH", CHANNELS, 4))
    api.refuse.clear()
    await until(is_ready(api, "one", "Unknown", "NoWorker"))
    await rest(operator)
    return [event["reason"] for event in api.all("events")]


async def test_a_status_that_cannot_be_written_is_no_event_each_time_that_it_is_tried(
    operator: Operator, api: KubernetesApi, bucket: Bucket
) -> None:
    assert await told_while_no_status_can_be_written(operator, api) == ["Accepted"]


async def test_broken_variant_that_tells_first_and_writes_then_tells_again_and_again(
    operator: Operator, api: KubernetesApi, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = Controller.tell

    async def tell(self: Controller, action: SetStatus[Any, Any]) -> None:
        for event in action.events:
            await emit(self.kubernetes, self.kind, action.resource, event, now=self.clock())
        await right(self, replace(action, events=()))

    monkeypatch.setattr(Controller, "tell", tell)
    assert len(await told_while_no_status_can_be_written(operator, api)) > 3


async def test_it_watches_where_its_user_has_no_name(
    make_operator: MakeOperator, api: KubernetesApi, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container: kopf did not begin there."""

    def nobody() -> str:
        raise OSError("No username set in the environment")

    monkeypatch.setattr(getpass, "getuser", nobody)
    operator = await make_operator()
    api.put(CHANNELS, "one", {"spec": {"channel": "one"}})
    await until(lambda: operator.metric("rosey_operator_resource_changes_total", kind="CytubeChannel"))
    await until(lambda: operator.metric("rosey_operator_watches") == 1)


async def test_without_a_watch_it_looks_by_itself(operator: Operator, api: KubernetesApi, bucket: Bucket) -> None:
    api.put(CHANNELS, "one", {"spec": {"channel": "one"}})
    await until(is_ready(api, "one", "Unknown", "NoWorker"))
    api.refuse["WATCH", CHANNELS] = 500
    api.lose_watches()
    await rest(operator)
    api.put(CHANNELS, "two", {"spec": {"channel": "two"}})
    await until(is_ready(api, "two", "Unknown", "NoWorker"))
    api.remove(CHANNELS, "one")

    async def is_withdrawn() -> bool:
        return list(await bucket.entries()) == ["two"]

    await until(is_withdrawn)


async def test_a_watch_that_is_lost_is_taken_up_again(operator: Operator, api: KubernetesApi, bucket: Bucket) -> None:
    def changes() -> float:
        return operator.metric("rosey_operator_resource_changes_total", kind="CytubeChannel")

    api.put(CHANNELS, "one", {"spec": {"channel": "one"}})
    await until(changes)
    api.lose_watches()
    before = changes()

    def is_told() -> bool:
        api.put(CHANNELS, "one", {"metadata": {"labels": {"try": str(len(api.requests))}}})
        return changes() > before + 3

    await until(is_told, timeout=30, poll=0.1)


async def test_a_definition_that_goes_and_comes_back_is_looked_after_again(
    operator: Operator, api: KubernetesApi, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    api.put(CHANNELS, "one", {"spec": {"channel": "one"}})
    await until(is_ready(api, "one", "Unknown", "NoWorker"))
    for method in ("GET", "WATCH"):
        api.refuse[method, CHANNELS] = 404
    api.lose_watches()
    await until(lambda: "the cluster does not know cytubechannels" in operator.health.reason)
    await until(lambda: "watching the resources:" in caplog.text, timeout=20)
    await until(lambda: operator.metric("rosey_operator_watches") == 0)
    assert list(await bucket.entries()) == ["one"], "nobody has withdrawn it"
    api.refuse.clear()
    api.put(CHANNELS, "two", {"spec": {"channel": "two"}})
    await until(is_ready(api, "two", "Unknown", "NoWorker"), timeout=20)
    await until(lambda: operator.metric("rosey_operator_watches") == 1, timeout=20)
    assert caplog.text.count("watching the resources:") == 1
    assert "Traceback" not in caplog.text


async def test_two_hundred_at_once_are_told_of_and_then_left_alone(
    operator: Operator, api: KubernetesApi, bucket: Bucket
) -> None:
    names = [f"room{number}" for number in range(200)]
    for name in names:
        api.put(CHANNELS, name, {"spec": {"channel": name}})
    await until(lambda: all(is_ready(api, name, "Unknown", "NoWorker")() for name in names), timeout=60)
    assert sorted(await bucket.entries()) == sorted(names)
    for name in names:
        await bucket.tell(name)
    await until(lambda: all(is_ready(api, name, "True", "Joined")() for name in names), timeout=60)
    await rest(operator)
    before = writes(api)
    assert len(before) <= 200 * 8, "four states, and two events, each"
    await rest(operator)
    assert writes(api) == before


async def test_a_secret_that_was_rotated_while_nobody_looked_is_brought(
    make_operator: MakeOperator, api: KubernetesApi, bucket: Bucket
) -> None:
    first = await make_operator()
    api.put("secrets", "account", {"data": {"password": base64_of("first")}})
    api.put(CHANNELS, "one", {"spec": {"channel": "one", **ACCOUNT}})
    await until(is_ready(api, "one", "Unknown", "NoWorker"))
    await first.kill()
    touched = api.find("pods", "bot-0")["metadata"]["annotations"]
    api.put("secrets", "account", {"data": {"password": base64_of("second")}})
    await make_operator()
    await until(lambda: list(api.find("secrets", SECRET)["data"].values()) == [base64_of("second")])
    await until(lambda: api.find("pods", "bot-0")["metadata"]["annotations"] != touched)


async def test_a_namespace_that_goes_takes_its_channels_along(
    make_operator: MakeOperator, api: KubernetesApi, bucket: Bucket
) -> None:
    """Its Secrets may go first, and nothing can be made in it any more."""
    operator = await make_operator(cluster_wide=True)
    api.put("secrets", "account", {"data": {"password": base64_of("hush")}}, "team")
    api.put(CHANNELS, "theirs", {"spec": {"channel": "theirs", **ACCOUNT}}, "team")
    api.put(CHANNELS, "ours", {"spec": {"channel": "ours"}})
    await until(is_ready(api, "ours", "Unknown", "NoWorker"))

    def told() -> tuple[str, str, str]:
        return conditions(api.find(CHANNELS, "theirs", "team")).get("Accepted", ("", "", ""))

    await until(lambda: told()[0] == "True")
    api.refuse["POST", "events"] = 403
    api.remove("secrets", "account", "team")
    await until(lambda: told()[1] == "SecretGone")
    assert sorted(await bucket.entries()) == ["ours", "theirs"]
    api.remove(CHANNELS, "theirs", "team")

    async def is_withdrawn() -> bool:
        return list(await bucket.entries()) == ["ours"]

    await until(is_withdrawn)
    await until(lambda: api.find("secrets", SECRET)["data"] == {})
    await until(lambda: operator.health.ready)


async def test_what_somebodys_finalizer_holds_is_deleted_all_the_same(
    operator: Operator, api: KubernetesApi, bucket: Bucket
) -> None:
    api.put(CHANNELS, "one", {"spec": {"channel": "one"}})
    await until(is_ready(api, "one", "Unknown", "NoWorker"))
    held = {"metadata": {"deletionTimestamp": "2026-01-02T00:00:00Z", "finalizers": ["example.org/theirs"]}}
    api.put(CHANNELS, "one", held)

    async def is_withdrawn() -> bool:
        return await bucket.entries() == {}

    await until(is_withdrawn)


async def test_a_job_that_kubernetes_refuses_is_said_and_tried_again(
    make_operator: MakeOperator, api: KubernetesApi, bucket: Bucket, tmp_path: Path
) -> None:
    file = tmp_path / "job.yaml"
    file.write_text(TEMPLATE)
    api.refuse["POST", "jobs"] = 403
    await make_operator(benchmark_job=str(file))
    api.put(BENCHMARKS, "nightly", {})

    def complete() -> tuple[str, str, str]:
        return conditions(api.find(BENCHMARKS, "nightly")).get("Complete", ("", "", ""))

    await until(lambda: complete()[1] == "Refused")
    assert "jobs is forbidden" in complete()[2]
    assert api.find(BENCHMARKS, "nightly")["status"]["verdict"] == "Waiting"
    api.refuse.clear()
    await until(lambda: complete()[1] == "Running")
    assert len(api.all("jobs")) == 1


async def test_files_are_brought_where_kubernetes_refused_that_at_first(
    operator: Operator, api: KubernetesApi, bucket: Bucket
) -> None:
    api.refuse["PATCH", "pods"] = 500
    api.put("secrets", "account", {"data": {"password": base64_of("hush")}})
    api.put(CHANNELS, "one", {"spec": {"channel": "one", **ACCOUNT}})
    await until(tried(api, "PATCH", "pods", 2))
    api.refuse.clear()
    await until(lambda: "annotations" in api.find("pods", "bot-0")["metadata"])
    await until(tried(api, "PATCH", "pods", 4))


async def test_a_copy_of_the_secrets_that_is_gone_is_said_and_the_rest_goes_on(
    operator: Operator, api: KubernetesApi, bucket: Bucket
) -> None:
    api.remove("secrets", SECRET)
    await until(lambda: f"the Secret {SECRET}, which the bots see, is gone" in operator.health.reason)
    api.put(CHANNELS, "one", {"spec": {"channel": "one"}})
    await until(is_ready(api, "one", "Unknown", "NoWorker"))
    api.put("secrets", SECRET, {})
    await until(lambda: operator.health.ready)
