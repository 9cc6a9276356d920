"""Channels and benchmark runs as resources: refused, connected, told of, and withdrawn."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.cluster.cluster import ROOT, CommandFailed, Namespace, Release, run, until
from tests.cluster.executioner import Executioner
from tests.cluster.resources import (
    ACCOUNT,
    LIMITS,
    TRUTH_S,
    channel,
    condition,
    is_so,
    may,
    password,
    prepare,
    rooms,
    simulator,
)

CHANNELS = ("alpha", "beta", "gamma", "delta")
ROTATION_S = 40
"""Seconds within which another password is in use; a kubelet left to itself takes longer than a minute."""


def documented(beginning: str) -> None:
    """Do what docs/operator.md says."""
    text = (ROOT / "docs" / "operator.md").read_text()
    [command] = re.findall(rf"^{re.escape(beginning)}.*$", text, flags=re.MULTILINE)
    run("bash", "-euc", f"cd {ROOT}\n{command}")


@pytest.fixture(scope="module")
def release(make_release: Callable[..., Release]) -> Release:
    """A release with an operator, and a simulated site on which some have accounts."""
    options = {"operator": {"enabled": True}, "benchmark": {"enabled": True}, "bot": LIMITS}
    return make_release("operator", {**options, "simulator": simulator(CHANNELS)}, prepare)


@pytest.fixture
def namespace(release: Release) -> Iterator[Namespace]:
    """The release's namespace, in the end without channels."""
    yield release.namespace
    release.namespace.kubectl("delete", "ctc", "--all", "--timeout=30s")
    until(lambda: not rooms(release), what="the bot leaves all channels", timeout=60)


def test_a_channel_with_an_account_is_connected_and_its_columns_tell_of_it(
    release: Release, namespace: Namespace
) -> None:
    namespace.apply(password("right"), channel("alpha", **ACCOUNT))
    until(is_so(namespace, "alpha", "True", "Joined"), what="alpha is ready", poll=0.2)
    heading, row = namespace.kubectl("get", "ctc", "alpha").decode().splitlines()
    assert heading.split() == ["NAME", "CHANNEL", "WORKER", "CONNECTED", "USERS", "NOW", "PLAYING", "READY", "AGE"]
    name, room, worker, connected, users = row.split()[:5]
    assert (name, room, connected) == ("alpha", "alpha", "True")
    assert worker.startswith(release.pod("bot")["metadata"]["name"])
    assert int(users) >= 1
    described = namespace.kubectl("describe", "ctc", "alpha").decode()
    for word in ("handed to the bots as alpha", "is in the room as Rosey", "rosey-operator", "Joined"):
        assert word in described
    assert "finalizers" not in namespace.get("ctc", "alpha")["metadata"]
    for text in (described, namespace.kubectl("logs", "deployment/rosey-operator").decode()):
        assert "right" not in text
    assert rooms(release) == {"alpha"}


def test_a_wrong_password_shows_and_another_one_is_taken_at_once(release: Release, namespace: Namespace) -> None:
    namespace.apply(password("wrong"), channel("beta", **{**ACCOUNT, "user": "Robot"}))
    until(is_so(namespace, "beta", "False", "WrongPassword"), what="the password is wrong", poll=0.2)
    assert "the password of Robot is wrong" in condition(namespace, "beta")[2]
    assert condition(namespace, "beta", "Connected")[0] == "True"
    pod = release.pod("bot")["metadata"]["uid"]
    began = time.monotonic()
    namespace.apply(password("right"))
    until(is_so(namespace, "beta", "True", "Joined"), what="beta is ready", timeout=ROTATION_S, poll=0.2)
    print(f"another password was in use after {time.monotonic() - began:.1f} s")
    assert release.pod("bot")["metadata"]["uid"] == pod
    assert release.restarts("bot") == 0


def test_a_channel_that_is_deleted_is_left(release: Release, namespace: Namespace) -> None:
    namespace.apply(channel("gamma"))
    until(lambda: rooms(release) == {"gamma"}, what="the bot is in gamma")
    namespace.kubectl("delete", "ctc", "gamma", "--timeout=20s")
    until(lambda: rooms(release) == set(), what="the bot leaves gamma", timeout=20)


def test_with_nats_away_a_deletion_is_not_stuck_and_is_made_good(release: Release, namespace: Namespace) -> None:
    namespace.apply(channel("gamma"), channel("delta"))
    until(lambda: rooms(release) == {"gamma", "delta"}, what="the bot is in both")
    namespace.kubectl("scale", "statefulset/rosey-nats", "--replicas=0")
    until(is_so(namespace, "delta", "Unknown", "NatsUnavailable"), what="NATS is away", timeout=60)
    namespace.kubectl("delete", "ctc", "gamma", "--timeout=20s")
    assert rooms(release) == {"gamma", "delta"}, "without NATS the bot keeps its rooms"
    namespace.kubectl("scale", "statefulset/rosey-nats", "--replicas=1")
    until(lambda: rooms(release) == {"delta"}, what="the bot leaves gamma", timeout=90)
    until(is_so(namespace, "delta", "True", "Joined"), what="delta is ready", timeout=30)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"channel": "no spaces"}, "channel should be the name of a channel: 1 to 30 letters, digits, '_' and '-'"),
        ({"server": "ftp://x"}, "server should be the address of a CyTube site, like https://cytu.be"),
        ({"server": "https://u:p@cytu.be"}, "server should be the address of a CyTube site, like https://cytu.be"),
        ({"server": "https://cytu.be:65536"}, "server should be the address of a CyTube site, like https://cytu.be"),
        ({"server": "https://cytu.be/r/lobby"}, "the name after /r/ belongs to channel"),
        ({"user": "a b"}, "user should be a name that CyTube allows: 1 to 20 letters, digits, '_' and '-'"),
        ({"passwordSecretRef": {"name": "a"}}, "passwordSecretRef is of no use without user"),
        ({"user": "a", "passwordSecretRef": {"name": "../a"}}, "name should be the name of a Secret: lower-case"),
        ({"user": "a", "passwordSecretRef": {"name": "a", "key": "/"}}, "key should be a key of a Secret: letters"),
        ({"proxy": "http://u:p@h:1"}, "an address with a password belongs into a Secret: proxySecretRef"),
        ({"proxy": "http://h:0"}, "proxy should be socks5://host:port or http://host:port"),
        ({"proxy": "http://h:1", "proxySecretRef": {"name": "a"}}, "proxy and proxySecretRef exclude each other"),
        ({"channel": None}, "spec.channel: Required value"),
        ({"colour": "red"}, 'unknown field "spec.colour"'),
    ],
)
def test_what_is_invalid_is_refused_with_a_sentence(namespace: Namespace, spec: dict[str, Any], sentence: str) -> None:
    bad = channel("alpha", **spec)
    bad["spec"] = {key: value for key, value in bad["spec"].items() if value is not None}
    with pytest.raises(CommandFailed, match=re.escape(sentence)) as refusal:
        namespace.apply(bad)
    assert "u:p@" not in str(refusal.value)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"benchmarks": ["test_fast"]}, "benchmarks should be among test_single_event_latency, test_request_reply"),
        ({"rate": 0}, "spec.rate in body should be greater than or equal to 1"),
        ({"historyLimit": 51}, "spec.historyLimit in body should be less than or equal to 50"),
    ],
)
def test_a_benchmark_that_is_invalid_is_refused_with_a_sentence(
    release: Release, spec: dict[str, Any], sentence: str
) -> None:
    bad = {
        "apiVersion": "rosey.chat/v1alpha1",
        "kind": "RoseyBenchmark",
        "metadata": {"name": "bad"},
        "spec": spec,
    }
    with pytest.raises(CommandFailed, match=re.escape(sentence)):
        release.namespace.apply(bad)


def test_what_a_field_is_and_what_there_is_kubectl_says(release: Release, namespace: Namespace) -> None:
    assert "password of the account that user" in run("kubectl", "explain", "ctc.spec.passwordSecretRef").decode()
    assert "How many runs before the latest are kept" in run("kubectl", "explain", "rbm.spec.historyLimit").decode()
    namespace.apply(channel("gamma"))
    assert "cytubechannel.rosey.chat/gamma" in namespace.kubectl("get", "rosey").decode()


def test_the_channel_that_the_notes_show_is_one(release: Release, namespace: Namespace) -> None:
    notes = run("helm", "get", "notes", "rosey", "--namespace", namespace.name).decode()
    [command] = re.findall(r"^kubectl apply .*?^END$", notes, flags=re.DOTALL | re.MULTILINE)
    run("bash", "-euc", command.replace("NAME", "gamma"))
    until(lambda: condition(namespace, "gamma", "Accepted")[0] == "True", what="it is handed to the bots")


def test_the_operators_rights_are_the_least(release: Release) -> None:
    for verb, resource in (
        ("list", "cytubechannels.rosey.chat"),
        ("watch", "roseybenchmarks.rosey.chat"),
        ("patch", "cytubechannels.rosey.chat/status"),
        ("get", "secrets"),
        ("patch", "secret/rosey-channel-secrets"),
        ("patch", "pods"),
        ("create", "events"),
        ("create", "jobs.batch"),
    ):
        # A subresource is asked for by an option of its own.
        kind, _, part = resource.partition("/")
        asked = (kind, f"--subresource={part}") if part == "status" else (resource,)
        assert may(release, verb, *asked), f"{verb} {resource}"
    for verb, resource in (
        ("list", "secrets"),
        ("watch", "secrets"),
        ("patch", "secrets"),
        ("create", "secrets"),
        ("patch", "cytubechannels.rosey.chat"),
        ("delete", "cytubechannels.rosey.chat"),
        ("create", "pods"),
        ("delete", "pods"),
        ("create", "pods/exec"),
        ("patch", "deployments.apps"),
        ("patch", "configmaps"),
        ("delete", "configmaps"),
        ("create", "roles.rbac.authorization.k8s.io"),
        ("list", "nodes"),
    ):
        assert not may(release, verb, resource), f"{verb} {resource}"
    for verb, resource in (("get", "secrets"), ("list", "cytubechannels.rosey.chat"), ("patch", "pods")):
        assert not may(release, verb, resource, "--namespace=default"), f"{verb} {resource} elsewhere"


def test_bots_that_are_gone_without_a_word_are_told_of_in_time(
    release: Release, namespace: Namespace, executioner: Executioner
) -> None:
    namespace.apply(channel("gamma"))
    until(is_so(namespace, "gamma", "True", "Joined"), what="gamma is ready")
    began = time.monotonic()
    executioner.take_away(release, "bot", "rosey-bot")
    left = began + TRUTH_S - time.monotonic()
    until(is_so(namespace, "gamma", "Unknown", "NoWorker"), what="nobody is in gamma", timeout=left, poll=0.1)
    print(f"that the bot was gone was told {time.monotonic() - began:.1f} s after its last word")
    assert condition(namespace, "gamma", "Connected")[0] == "Unknown"
    with release.administrator() as rosey:
        listed = [json.loads(line) for line in rosey("channel", "list", "--json").splitlines()]
    assert {row["key"]: row["state"] for row in listed} == {"demo": "untold", "gamma": "untold"}
    namespace.kubectl("scale", "deployment/rosey-bot", "--replicas=1")
    until(is_so(namespace, "gamma", "True", "Joined"), what="gamma is ready again", timeout=60)


def test_a_benchmark_run_ends_in_the_status(release: Release) -> None:
    namespace = release.namespace
    spec = {"benchmarks": ["test_single_event_latency"], "rate": 50, "durationSeconds": 2}
    benchmark = {
        "apiVersion": "rosey.chat/v1alpha1",
        "kind": "RoseyBenchmark",
        "metadata": {"name": "short"},
        "spec": spec,
    }
    namespace.apply(benchmark)

    def status() -> dict[str, Any]:
        found: dict[str, Any] = namespace.get("roseybenchmark", "short").get("status", {})
        return found

    until(lambda: status().get("completedAt"), what="the run ends", timeout=240, poll=2)
    told = status()
    assert told["verdict"] in ("PASS", "WARN", "FAIL"), told
    assert float(told["p99"].removesuffix(" ms")) > 0
    assert {figure["name"] for figure in told["figures"]} == {"test_single_event_latency"}
    rows = json.loads(namespace.get("configmap", told["configMap"])["data"]["latest.json"])
    assert len(rows) == len(told["figures"])
    heading, row = namespace.kubectl("get", "roseybenchmarks", "short").decode().splitlines()
    assert heading.split()[:4] == ["NAME", "VERDICT", "P99", "RATE"]
    assert row.split()[1] == told["verdict"]
    name = told["job"]

    def is_measured() -> bool:
        return any(key.startswith("rosey_operator_benchmark_result{") for key in release.metrics("operator"))

    until(is_measured, what="the figures are metrics", timeout=30)
    namespace.kubectl("delete", "roseybenchmark", "short", "--timeout=20s")
    until(lambda: "NotFound" in gone(namespace, f"job/{name}"), what="the Job goes with it", timeout=60)
    until(lambda: "NotFound" in gone(namespace, f"configmap/{name}"), what="and the results with the Job", timeout=60)


def gone(namespace: Namespace, what: str) -> str:
    """What kubectl says of an object that is not there; nothing while it is."""
    try:
        namespace.get(what)
    except CommandFailed as error:
        return str(error)
    return ""


def test_definitions_are_brought_up_to_date_as_it_is_documented(release: Release, namespace: Namespace) -> None:
    """With an operator at work: it goes on hearing of changes."""

    def changes() -> float:
        return release.metrics("operator")['rosey_operator_resource_changes_total{kind="CytubeChannel"}']

    def columns() -> list[str]:
        found = json.loads(run("kubectl", "get", "crd", "cytubechannels.rosey.chat", "--output=json"))
        return [column["name"] for column in found["spec"]["versions"][0]["additionalPrinterColumns"]]

    wanted = columns()
    # As an older release has left them: Helm has made them, and so owns their fields.
    older = [{"op": "remove", "path": "/spec/versions/0/additionalPrinterColumns/4"}]
    patch = ["kubectl", "patch", "crd", "cytubechannels.rosey.chat", "--type=json", "--field-manager=helm"]
    run(*patch, f"--patch={json.dumps(older)}")
    assert columns() != wanted
    documented("kubectl apply --server-side")
    assert columns() == wanted
    before = changes()
    namespace.apply(channel("gamma"))
    until(lambda: changes() > before, what="the operator hears of a change", timeout=30)
    until(is_so(namespace, "gamma", "True", "Joined"), what="gamma is ready")
