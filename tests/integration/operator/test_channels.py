"""Channels that are declared: into NATS and back into their status, whatever fails meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rosey_core import streams
from rosey_operator.kubernetes import leader
from rosey_operator.kubernetes.api import ApiError, Kubernetes
from tests.integration.operator.conftest import Bucket, MakeOperator, Operator, base64_of, conditions
from tests.support.kubernetes_api import KubernetesApi
from tests.support.nats_server import NatsServer
from tests.support.waiting import until

CHANNELS = "cytubechannels"
SECRET = "rosey-channel-secrets"


def ready(api: KubernetesApi, name: str) -> tuple[str, str]:
    found = conditions(api.find(CHANNELS, name)).get("Ready", ("", "", ""))
    return found[0], found[1]


def is_ready(api: KubernetesApi, name: str, *wanted: str) -> Callable[[], bool]:
    return lambda: ready(api, name) == wanted


async def test_a_channel_is_declared_told_of_and_withdrawn(
    operator: Operator, api: KubernetesApi, bucket: Bucket
) -> None:
    api.put(CHANNELS, "mine", {"spec": {"channel": "Lobby"}})
    await until(is_ready(api, "mine", "Unknown", "NoWorker"))
    [(key, entry)] = (await bucket.entries()).items()
    assert (key, entry["owner"]["name"]) == ("lobby", "mine")
    await bucket.tell("lobby", user="Rosey", users=3, media="A film", since=1.0)
    await until(is_ready(api, "mine", "True", "Joined"))
    status = api.find(CHANNELS, "mine")["status"]
    assert (status["worker"], status["users"], status["nowPlaying"]) == ("bot-0", 3, "A film")

    def events() -> list[tuple[str, str]]:
        return [(event["reason"], event["involvedObject"]["name"]) for event in api.all("events")]

    await until(lambda: events() == [("Accepted", "mine"), ("Joined", "mine")])
    await until(lambda: operator.metric("rosey_operator_channels", ready="True") == 1)
    assert "finalizers" not in api.find(CHANNELS, "mine")["metadata"]
    assert "annotations" not in api.find(CHANNELS, "mine")["metadata"]
    api.remove(CHANNELS, "mine")

    async def is_gone() -> bool:
        return await bucket.entries() == {}

    await until(is_gone)
    assert operator.metric("rosey_operator_actions_total", action="DeleteEntry", outcome="success") == 1
    # The watch tells of it, too, in its own time.
    await until(lambda: operator.metric("rosey_operator_resource_changes_total", kind="CytubeChannel") >= 2)


async def test_a_secret_comes_to_the_bots_and_its_rotation(
    operator: Operator, api: KubernetesApi, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    spec = {"channel": "lobby", "user": "Rosey", "passwordSecretRef": {"name": "account"}}
    uid = api.put(CHANNELS, "mine", {"spec": spec})["metadata"]["uid"]
    await until(is_ready(api, "mine", "False", "SecretMissing"))
    assert await bucket.entries() == {}
    api.put("secrets", "account", {"data": {"password": base64_of("hush-hush")}})
    await until(is_ready(api, "mine", "Unknown", "NoWorker"))
    file = f"{uid}-password"
    assert api.find("secrets", SECRET)["data"] == {file: base64_of("hush-hush")}
    assert (await bucket.entries())["lobby"]["password"] == f"${{file:{file}}}"
    touched = api.find("pods", "bot-0")["metadata"]["annotations"]
    assert list(touched) == ["rosey.chat/secrets-changed"]
    assert "annotations" not in api.find("pods", "other")["metadata"]
    api.put("secrets", "account", {"data": {"password": base64_of("another-one")}})
    await until(lambda: api.find("secrets", SECRET)["data"] == {file: base64_of("another-one")})
    await until(lambda: api.find("pods", "bot-0")["metadata"]["annotations"] != touched)
    api.remove(CHANNELS, "mine")
    await until(lambda: not api.find("secrets", SECRET)["data"])
    told = caplog.text + str(api.all(CHANNELS)) + str(api.all("events"))
    for secret in ("hush-hush", "another-one"):
        assert secret not in told
        assert base64_of(secret) not in told


async def test_a_secrets_name_leads_to_no_other_namespace(
    make_operator: MakeOperator, api: KubernetesApi, bucket: Bucket
) -> None:
    await make_operator(cluster_wide=True)
    api.put("secrets", "theirs", {"data": {"password": base64_of("hush")}}, "other")
    spec = {"channel": "lobby", "user": "Rosey", "passwordSecretRef": {"name": "../../other/secrets/theirs"}}
    api.put(CHANNELS, "mine", {"spec": spec})
    await until(is_ready(api, "mine", "False", "Invalid"))
    told = conditions(api.find(CHANNELS, "mine"))["Ready"][2]
    assert told.startswith("spec.passwordSecretRef.name: name should be the name of a Secret")
    assert not api.find("secrets", SECRET).get("data")
    assert await bucket.entries() == {}
    assert not [path for _, path in api.requests if "/namespaces/other/secrets" in path]


@pytest.mark.parametrize("name", ["../../other/secrets/theirs", "theirs?watch=1", "..", "theirs#"])
async def test_what_leads_elsewhere_is_not_asked_for(api: KubernetesApi, name: str) -> None:
    kubernetes = Kubernetes()
    try:
        with pytest.raises(ApiError, match="is no path of Kubernetes' API"):
            await kubernetes.get(f"/api/v1/namespaces/chat/secrets/{name}")
    finally:
        await kubernetes.close()
    assert api.requests == []


async def test_what_was_added_by_hand_stays(operator: Operator, api: KubernetesApi, bucket: Bucket) -> None:
    await bucket.add("lobby", {"channel": "lobby"})
    api.put(CHANNELS, "mine", {"spec": {"channel": "lobby"}})
    await until(is_ready(api, "mine", "False", "AddedElsewhere"))
    api.remove(CHANNELS, "mine")
    api.put(CHANNELS, "other", {"spec": {"channel": "movies"}})
    await until(is_ready(api, "other", "Unknown", "NoWorker"))
    assert (await bucket.entries())["lobby"] == {"channel": "lobby"}


async def test_without_nats_a_resource_goes_at_once_and_its_entry_later(
    operator: Operator, api: KubernetesApi, bucket: Bucket, nats_server: NatsServer
) -> None:
    for name in ("one", "two"):
        api.put(CHANNELS, name, {"spec": {"channel": name}})
        await until(is_ready(api, name, "Unknown", "NoWorker"))
        await bucket.tell(name)
        await until(is_ready(api, name, "True", "Joined"))
    nats_server.kill()
    await until(is_ready(api, "one", "Unknown", "NatsUnavailable"))
    await until(lambda: not operator.health.ready)
    api.remove(CHANNELS, "one")
    nats_server.start()
    await until(lambda: bucket.client.is_connected)

    async def only_two_is_left() -> bool:
        return list(await bucket.entries()) == ["two"]

    await until(only_two_is_left)
    await until(is_ready(api, "two", "True", "Joined"))


async def test_without_the_api_it_waits_and_then_goes_on(
    operator: Operator, api: KubernetesApi, bucket: Bucket
) -> None:
    api.put(CHANNELS, "one", {"spec": {"channel": "one"}})
    await until(is_ready(api, "one", "Unknown", "NoWorker"))
    await api.stop()
    await until(lambda: not operator.health.ready)
    assert "cannot be reached" in operator.health.reason
    assert list(await bucket.entries()) == ["one"]
    api.put(CHANNELS, "two", {"spec": {"channel": "two"}})
    await api.start()
    await until(lambda: "two" in str(api.find(CHANNELS, "two").get("status")))
    await until(lambda: operator.health.ready)


@pytest.mark.parametrize(
    "refused", [("PATCH", "cytubechannels"), ("GET", "secrets"), ("PATCH", "pods"), ("POST", "events")]
)
async def test_what_kubernetes_refuses_is_tried_again(
    operator: Operator, api: KubernetesApi, bucket: Bucket, refused: tuple[str, str]
) -> None:
    api.put("secrets", "account", {"data": {"password": base64_of("hush")}})
    api.refuse[refused] = 403
    spec = {"channel": "one", "user": "Rosey", "passwordSecretRef": {"name": "account"}}
    api.put(CHANNELS, "one", {"spec": spec})
    await until(lambda: any(method == refused[0] and refused[1] in path for method, path in api.requests))
    api.refuse.clear()
    await until(is_ready(api, "one", "Unknown", "NoWorker"))
    assert list(await bucket.entries()) == ["one"]


async def test_resources_that_the_cluster_does_not_know_are_said(
    make_operator: MakeOperator, api: KubernetesApi, bucket: Bucket
) -> None:
    api.refuse["GET", CHANNELS] = 404
    operator = await make_operator()
    await until(lambda: "the cluster does not know cytubechannels: apply" in operator.health.reason)
    api.refuse.clear()
    await until(lambda: operator.health.ready)


async def test_buckets_that_come_later_are_waited_for(
    make_operator: MakeOperator, api: KubernetesApi, nats_client: Any
) -> None:
    operator = await make_operator()
    api.put(CHANNELS, "one", {"spec": {"channel": "one"}})
    await until(is_ready(api, "one", "Unknown", "NatsUnavailable"))
    await until(lambda: "the DatabaseService makes it" in operator.health.reason)
    await streams.ensure_buckets(nats_client, streams.StreamLimits())
    await until(is_ready(api, "one", "Unknown", "NoWorker"))


async def test_of_two_operators_one_acts_and_the_other_takes_over(
    operator: Operator, make_operator: MakeOperator, api: KubernetesApi, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    await until(lambda: operator.metric("rosey_operator_leads") == 1)
    other = await make_operator("operator-1")
    await until(lambda: other.health.ready)
    api.put(CHANNELS, "one", {"spec": {"channel": "one"}})
    await until(is_ready(api, "one", "Unknown", "NoWorker"))
    assert other.metric("rosey_operator_leads") == 0
    assert other.metric("rosey_operator_actions_total", action="PutEntry", outcome="success") == 0
    await operator.stop()
    await until(lambda: other.metric("rosey_operator_leads") == 1)
    api.put(CHANNELS, "two", {"spec": {"channel": "two"}})
    await until(is_ready(api, "two", "Unknown", "NoWorker"))
    assert other.metric("rosey_operator_actions_total", action="PutEntry", outcome="success") == 1


async def test_channels_of_all_namespaces_count_where_it_is_said_so(
    make_operator: MakeOperator, api: KubernetesApi, bucket: Bucket
) -> None:
    await make_operator(cluster_wide=True)
    api.put("secrets", "account", {"data": {"password": base64_of("hush")}}, "team")
    spec = {"channel": "theirs", "user": "Rosey", "passwordSecretRef": {"name": "account"}}
    api.put(CHANNELS, "theirs", {"spec": spec}, "team")

    def is_told() -> bool:
        return conditions(api.find(CHANNELS, "theirs", "team")).get("Accepted", [""])[0] == "True"

    await until(is_told)
    assert list(api.find("secrets", SECRET)["data"].values()) == [base64_of("hush")]


async def test_channels_of_other_namespaces_are_left_alone_where_it_is_not_said_so(
    operator: Operator, api: KubernetesApi, bucket: Bucket
) -> None:
    api.put(CHANNELS, "theirs", {"spec": {"channel": "theirs"}}, "team")
    api.put(CHANNELS, "ours", {"spec": {"channel": "ours"}})
    await until(is_ready(api, "ours", "Unknown", "NoWorker"))
    assert list(await bucket.entries()) == ["ours"]
    assert "status" not in api.find(CHANNELS, "theirs", "team")


def test_a_holder_gives_up_before_others_may_take_over() -> None:
    assert leader.RENEW_INTERVAL < leader.MARGIN < leader.DURATION
