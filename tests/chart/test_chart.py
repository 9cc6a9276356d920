"""What the chart renders: safe by default, with what its services need, and refusing what means nothing."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rosey_core.config import load
from rosey_core.config.models import Pool
from tests.chart.rendering import CHART, KUBERNETES, Manifest, Refused, helm, one, over, pods, render, template
from tests.chart.test_options import EVERYTHING
from tests.chart.variants import VARIANTS
from tests.support.nats_server import NatsServer


def configuration(manifests: list[Manifest], name: str) -> str:
    text: str = one(manifests, "ConfigMap", name)["data"]["config.yaml"]
    return text


def volume(manifests: list[Manifest], name: str) -> Manifest:
    """A volume of the bot."""
    volumes = one(manifests, "Deployment", "demo-rosey-bot")["spec"]["template"]["spec"]["volumes"]
    [found] = [item for item in volumes if item["name"] == name]
    return dict(found)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_chart_is_free_of_lint(variant: str) -> None:
    command = [helm(), "lint", "--strict", "--kube-version", KUBERNETES, str(CHART), "--values", "-"]
    done = subprocess.run(command, check=False, input=json.dumps(VARIANTS[variant]), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_every_pod_keeps_to_the_restricted_standard_and_has_a_token_only_where_it_needs_one() -> None:
    found = dict(pods(render(EVERYTHING)))
    assert len(found) == 8
    for name, pod in found.items():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False, name
        has_token = any(one["name"] == "token" for one in spec.get("volumes", []))
        assert has_token is (name in ("Deployment/demo-rosey-operator", "CronJob/demo-rosey-benchmark")), name
        context = spec["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"] > 0) == (True, True), name
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert container["resources"]["requests"].keys() == {"cpu", "memory"}, name
            assert "memory" in container["resources"]["limits"], name


def test_a_default_release_asks_for_little() -> None:
    containers = [container for _, pod in pods(render()) for container in pod["spec"]["containers"]]
    requests = [each["resources"]["requests"] for each in containers if each["name"] != "test"]
    assert len(requests) == 3
    assert sum(int(each["memory"].removesuffix("Mi")) for each in requests) * 2**20 <= 250e6
    assert sum(int(each["cpu"].removesuffix("m")) for each in requests) <= 100


def test_nothing_belongs_to_the_whole_cluster() -> None:
    kinds = {item["kind"] for item in render(EVERYTHING)}
    assert not {kind for kind in kinds if kind.startswith("Cluster")}
    assert all(item["metadata"]["namespace"] == "chat" for item in render(EVERYTHING))


def test_liveness_depends_on_no_other_service() -> None:
    manifests = render(EVERYTHING)
    for name in ("bot", "database"):
        [container] = one(manifests, "Deployment", f"demo-rosey-{name}")["spec"]["template"]["spec"]["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["startupProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_what_writes_to_a_volume_is_never_there_twice() -> None:
    manifests = render(EVERYTHING)
    for name in ("bot", "database"):
        spec = one(manifests, "Deployment", f"demo-rosey-{name}")["spec"]
        assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


@pytest.mark.parametrize("name", ["bot", "database"])
@pytest.mark.parametrize("values", [{}, {**EVERYTHING, "tracing": {"endpoint": "http://collector:4318"}}])
def test_a_service_reads_its_configuration(
    name: str, values: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = configuration(render(values), f"demo-rosey-{name}")
    (tmp_path / "password").write_text("hunter22")
    file = tmp_path / "config.yaml"
    file.write_text(re.sub(r"/etc/rosey/accounts/\w+/", f"{tmp_path}/", text))
    config = load(file, {})
    assert config.health.host == "0.0.0.0"
    assert config.warnings == ()
    if values and name == "bot":
        assert [channel.channel for channel in config.channels] == ["lobby", "demo"]
        assert config.channels[1].server == "http://demo-rosey-simulator:8080"
        assert config.nats.url == "tls://demo-rosey-nats:4222"
    if name == "database":
        assert config.stream.replicas == (3 if values else 1)


def test_passwords_of_channels_are_in_a_secret_and_in_no_configuration() -> None:
    passwords = {"password": "hunter22", "channelPassword": "open sesame", "proxy": "socks5://a:b@proxy:1080"}
    channel = {"channel": "lobby", "user": "Rosey", **passwords}
    manifests = render({"bot": {"channels": [channel]}})
    secret = one(manifests, "Secret", "demo-rosey-bot-channels")["data"]
    files = {base64.b64decode(value).decode(): key for key, value in secret.items()}
    assert files.keys() == {"hunter22", "open sesame", "socks5://a:b@proxy:1080"}
    text = configuration(manifests, "demo-rosey-bot")
    assert "hunter22" not in text
    [platform] = yaml.safe_load(text)["platforms"]
    assert platform["password"] == f"${{file:/etc/rosey/channels/{files['hunter22']}}}"
    assert platform["channel_password"] == f"${{file:/etc/rosey/channels/{files['open sesame']}}}"
    assert platform["proxy"] == f"${{file:/etc/rosey/channels/{files['socks5://a:b@proxy:1080']}}}"
    assert volume(manifests, "channels")["secret"]["secretName"] == "demo-rosey-bot-channels"


def test_an_existing_secret_takes_the_place_of_each_made_one() -> None:
    account = {"channel": "lobby", "existingSecret": "account", "passwordKey": "word", "channelPasswordKey": "door"}
    manifests = render({"nats": {"auth": {"existingSecret": "passwords"}}, "bot": {"channels": [account]}})
    assert [item for item in manifests if item["kind"] == "Secret"] == []
    [source] = volume(manifests, "accounts")["projected"]["sources"]
    assert source["secret"]["name"] == "account"
    paths = {item["key"]: item["path"] for item in source["secret"]["items"]}
    assert paths.keys() == {"word", "door"}
    [platform] = yaml.safe_load(configuration(manifests, "demo-rosey-bot"))["platforms"]
    assert platform["password"] == f"${{file:/etc/rosey/accounts/{paths['word']}}}"
    assert platform["channel_password"] == f"${{file:/etc/rosey/accounts/{paths['door']}}}"


def test_pods_begin_anew_where_their_configuration_changes_and_only_there() -> None:
    def checksums(values: dict[str, Any]) -> dict[str, str]:
        auth = {"auth": {"existingSecret": "passwords"}}
        found = pods(render({**values, "nats": {**auth, **values.get("nats", {})}}))
        return {name: pod["metadata"].get("annotations", {}).get("checksum/config") for name, pod in found}

    def changed(values: dict[str, Any]) -> set[str]:
        now = checksums(values)
        return {name for name, checksum in checksums({}).items() if now[name] != checksum}

    assert changed({"bot": {"spoolMaxBytes": "1GiB"}}) == {"Deployment/demo-rosey-bot"}
    # These are taken by services at work.
    assert changed({"bot": {"channels": [{"channel": "a", "password": "b"}], "userCooldown": 3}}) == set()
    assert changed({"logging": {"level": "DEBUG"}, "database": {"retention": {"chatHours": 7}}}) == set()
    assert changed({"stream": {"maxAgeHours": 1}}) == {"Deployment/demo-rosey-database"}
    assert changed({"nats": {"maxPayload": "2MB"}}) == {"StatefulSet/demo-rosey-nats"}
    assert changed({"commonLabels": {"a": "b"}}) == set()


def test_other_passwords_of_nats_begin_nothing_anew_but_nats() -> None:
    # Each rendering makes its own passwords.
    before, after = (dict(pods(render())) for _ in range(2))
    assert {name for name in before if before[name] != after[name]} == {"StatefulSet/demo-rosey-nats"}


def test_volumes_stay_when_the_release_goes_unless_asked() -> None:
    def kept(values: dict[str, Any]) -> list[bool]:
        claims = [item for item in render(values) if item["kind"] == "PersistentVolumeClaim"]
        return ["helm.sh/resource-policy" in item["metadata"].get("annotations", {}) for item in claims]

    assert kept({}) == [True, True]
    gone = {"persistence": {"keep": False}}
    assert kept({"bot": gone, "database": gone}) == [False, False]
    policy = one(render({"nats": gone}), "StatefulSet", "demo-rosey-nats")["spec"]
    assert policy["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"


def test_without_volumes_there_are_no_claims() -> None:
    off = {"persistence": {"enabled": False}}
    manifests = render({"bot": off, "database": off, "nats": off})
    assert [item for item in manifests if item["kind"] == "PersistentVolumeClaim"] == []
    assert "volumeClaimTemplates" not in one(manifests, "StatefulSet", "demo-rosey-nats")["spec"]


@pytest.mark.parametrize("component", ["nats", "bot", "operator"])
def test_a_disruption_budget_is_for_several(component: str) -> None:
    def budgets(replicas: int) -> list[Manifest]:
        values = over({"operator": {"enabled": True}}, f"{component}.replicas", replicas)
        return [item for item in render(values) if item["kind"] == "PodDisruptionBudget"]

    assert budgets(1) == []
    [budget] = budgets(3)
    assert budget["metadata"]["name"] == f"demo-rosey-{component}"
    assert budget["spec"]["maxUnavailable"] == 1


def test_an_external_nats_takes_the_place_of_ours() -> None:
    rules = [{"to": [{"ipBlock": {"cidr": "192.0.2.7/32"}}]}]
    values = {"nats": {"enabled": False, "url": "nats://else:4222"}, "networkPolicy": {"externalNats": rules}}
    manifests = render(values)
    assert not [item for item in manifests if "nats" in item["metadata"]["name"] and item["kind"] != "Secret"]
    assert 'url: "nats://else:4222"' in configuration(manifests, "demo-rosey-bot")
    assert rules[0] in one(manifests, "NetworkPolicy", "demo-rosey-bot")["spec"]["egress"]


def test_every_pod_is_isolated_both_ways() -> None:
    manifests = render(EVERYTHING)
    default = one(manifests, "NetworkPolicy", "demo-rosey-default")["spec"]
    assert default["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in default
    wanted = default["podSelector"]["matchLabels"].items()
    for name, pod in pods(manifests):
        assert wanted <= pod["metadata"]["labels"].items(), name


@pytest.mark.parametrize("mode", ["skipIfMissing", "failIfMissing", "alwaysRender"])
def test_monitors_are_rendered_where_their_kinds_are(mode: str) -> None:
    monitoring = {**EVERYTHING["monitoring"], "renderMode": mode}
    kinds = ("PodMonitor", "ServiceMonitor", "PrometheusRule")
    available = [f"--api-versions=monitoring.coreos.com/v1/{kind}" for kind in kinds]
    found = {item["kind"] for item in render({"monitoring": monitoring}, *available)}
    assert found >= set(kinds)
    if mode == "failIfMissing":
        with pytest.raises(Refused, match=r"the cluster has no (PodMonitor|ServiceMonitor|PrometheusRule)"):
            render({"monitoring": monitoring})
    else:
        found = {item["kind"] for item in render({"monitoring": monitoring})}
        assert (found >= set(kinds)) == (mode == "alwaysRender")


def test_monitors_have_their_labels_and_those_of_all() -> None:
    labels = {"labels": {"release": "prometheus"}}
    sections = {name: {**labels, "enabled": True} for name in ("podMonitor", "serviceMonitor", "prometheusRule")}
    values = {"renderMode": "alwaysRender", **sections}
    manifests = render({"monitoring": values, "commonLabels": {"team": "a"}, "commonAnnotations": {"note": "b"}})
    found = [item["metadata"] for item in manifests if item["apiVersion"] == "monitoring.coreos.com/v1"]
    assert len(found) == 3
    for metadata in found:
        assert {("release", "prometheus"), ("team", "a")} <= metadata["labels"].items()
        assert metadata["annotations"] == {"note": "b"}


def test_a_release_raises_the_alerts_of_its_own_namespace_alone() -> None:
    rule = next(item for item in render(EVERYTHING) if item["kind"] == "PrometheusRule")
    files = sorted((CHART.parents[1] / "observability" / "alerts").glob("*.yaml"))
    expected = [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]
    assert rule["spec"]["groups"] != expected
    for group in rule["spec"]["groups"]:
        for alert in group["rules"]:
            selected = re.findall(r'\brosey_[a-z0-9_]+(\{namespace="chat")?', alert["expr"])
            assert selected
            assert all(selected), alert["expr"]
            alert["expr"] = re.sub(r'\{namespace="chat",?', "{", alert["expr"]).replace("{}", "")
    assert rule["spec"]["groups"] == expected


def test_every_dashboard_is_in_a_configmap_that_grafana_finds() -> None:
    dashboards = sorted((CHART.parents[1] / "observability" / "dashboards").glob("*.json"))
    assert dashboards
    manifests = render({"monitoring": {"dashboards": {"enabled": True, "annotations": {"grafana_folder": "Rosey"}}}})
    for file in dashboards:
        found = one(manifests, "ConfigMap", f"demo-rosey-dashboard-{file.stem}")
        assert json.loads(found["data"][file.name]) == json.loads(file.read_text())
        assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert found["metadata"]["annotations"] == {"grafana_folder": "Rosey"}
    assert not [item for item in render() if "dashboard" in item["metadata"]["name"]]


def test_the_api_is_reached_by_those_that_are_named_and_nobody_else() -> None:
    assert "name: api," not in template({})
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}
    for peers in ([], [peer]):
        found = render({"database": {"api": {"enabled": True, "port": 8091}}, "networkPolicy": {"apiFrom": peers}})
        [container] = one(found, "Deployment", "demo-rosey-database")["spec"]["template"]["spec"]["containers"]
        assert {"name": "api", "containerPort": 8091} in container["ports"]
        ports = one(found, "Service", "demo-rosey-database")["spec"]["ports"]
        assert {"name": "api", "port": 8091, "targetPort": "api"} in ports
        rules = one(found, "NetworkPolicy", "demo-rosey-database")["spec"]["ingress"]
        assert [rule["from"] for rule in rules if rule["ports"][0]["port"] == 8091] == ([peers] if peers else [])
        written = yaml.safe_load(configuration(found, "demo-rosey-database"))
        assert written["database"]["api"] == {"enabled": True, "host": "0.0.0.0", "port": 8091}


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"bot": {"chanels": []}}, "'/bot': additional properties 'chanels' not allowed"),
        ({"bot": {"channels": [{"chanel": "a"}]}}, "'/bot/channels/0': missing property 'channel'"),
        ({"bot": {"pool": {"ttl": 0.1}}}, "'/bot/pool/ttl': minimum: got 0.1, want 0.5"),
        ({"nats": {"replicas": 2}}, "'/nats/replicas': value must be one of 1, 3, 5"),
        ({"logging": {"level": "loud"}}, "'/logging/level': value must be one of 'DEBUG', 'INFO'"),
        ({"database": {"persistence": {"size": "much"}}}, "'/database/persistence/size': 'much' does not match"),
        ({"database": {"api": {"port": 9100}}}, "'/database/api/port': 'not' failed"),
        ({"nats": {"enabled": False}}, "nats.url: is needed where nats.enabled is false"),
        ({"backup": {"enabled": True}, "database": {"persistence": {"enabled": False}}}, "backup.enabled: needs"),
        (
            {"bot": {"channels": [{"channel": "a"}, {"channel": "b"}, {"channel": "a"}]}},
            "bot.channels: a is there twice",
        ),
        ({"bot": {"channels": [{"channel": "a", "password": "b", "existingSecret": "c"}]}}, "a has an existingSecret"),
        ({"bot": {"channels": [{"channel": "a", "passwordKey": "b"}]}}, "properties 'existingSecret' required"),
        ({"nats": {"auth": {"users": [{"name": "cluster"}]}}}, "nats.auth.users: cluster is another's name"),
        ({"nats": {"auth": {"users": [{"name": "a"}, {"name": "a"}]}}}, "nats.auth.users: a is another's name"),
        ({"nats": {"auth": {"usernames": {"bot": "admin"}}}}, "nats.auth.usernames: two have the same name"),
        ({"backup": {"schedule": "at night"}}, "'/backup/schedule': 'at night' does not match"),
        ({"bot": {"persistence": {"perReplica": True, "enabled": False}}}, "bot.persistence.perReplica: needs"),
        ({"bot": {"replicas": 2, "persistence": {"existingClaim": "mine"}}}, "existingClaim: is for one bot"),
        ({"commonLabels": {"app.kubernetes.io/name": "x"}}, "invalid propertyName 'app.kubernetes.io/name'"),
    ],
)
def test_a_refusal_names_the_value_and_the_reason(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(Refused) as refusal:
        template(values)
    assert complaint in str(refusal.value)


def described(schema: dict[str, Any], path: str = "") -> list[str]:
    """The options in a schema that say nothing of themselves."""
    missing = []
    for name, option in schema.get("properties", {}).items():
        here = f"{path}{name}"
        if not option.get("description"):
            missing.append(here)
        missing += described(option, f"{here}.")
        missing += described(option.get("items", {}), f"{here}[].")
    return missing


def test_every_option_is_described_and_has_a_default() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert described(schema) == []
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    def compare(schema: dict[str, Any], values: dict[str, Any], path: str) -> None:
        properties = schema.get("properties")
        if properties is None or schema.get("additionalProperties") is not False:
            return
        assert properties.keys() - {"global", "crds"} == values.keys(), path
        # Or a missing one, such as `--reuse-values` leaves out, would be a riddle about nil.
        assert sorted(schema["required"]) == sorted(values), path
        for name, option in properties.items():
            if isinstance(values.get(name), dict):
                compare(option, values[name], f"{path}.{name}")

    compare(schema, values, "")


def test_names_follow_the_overrides() -> None:
    assert one(render({"fullnameOverride": "mine"}), "Deployment", "mine-bot")
    assert one(render({"nameOverride": "chat"}), "Deployment", "demo-chat-bot")


def test_nats_takes_its_configuration(tmp_path: Path) -> None:
    text = one(render(), "ConfigMap", "demo-rosey-nats")["data"]["nats.conf"]
    assert "permissions" in text
    values = {"SERVER_NAME": "demo-0", "BOT": "1e5", "DATABASE": "two", "ADMIN": "three"}
    for name, value in values.items():
        text = text.replace(f"$ROSEY_NATS_{name}", json.dumps(value))
    text = re.sub(r"^ *(port|http_port):.*$", "", text, flags=re.MULTILINE)
    text = text.replace("store_dir: /data", f'store_dir: "{tmp_path}/data"')
    server = NatsServer(tmp_path / "server", jetstream=False, config=text)
    server.start()
    try:
        assert server.port
    finally:
        server.stop()


def test_the_benchmark_may_write_its_results_and_publish_in_its_channel_and_nothing_else() -> None:
    name = "demo-rosey-benchmark"
    found = render({"benchmark": {"enabled": True, "channel": "load"}})
    assert one(found, "CronJob", name)["spec"]["suspend"] is True
    [rule] = one(found, "Role", name)["rules"]
    assert rule == {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [name], "verbs": ["patch"]}
    text = one(found, "ConfigMap", "demo-rosey-nats")["data"]["nats.conf"]
    [rights] = re.findall(r'user: "benchmark".*?publish: (\[.*?\])', text, flags=re.DOTALL)
    assert all(subject.startswith("rosey.db.") and subject.endswith(".load") for subject in json.loads(rights))
    assert "telemetry:" in configuration(found, "demo-rosey-database")
    assert not [item for item in render() if "benchmark" in item["metadata"]["name"]]


def test_a_benchmark_leaves_traces_that_go_elsewhere_alone() -> None:
    found = render({"benchmark": {"enabled": True}, "tracing": {"endpoint": "http://collector:4318"}})
    assert "demo-rosey-benchmark:4318" not in configuration(found, "demo-rosey-database")
    pod = one(found, "CronJob", "demo-rosey-benchmark")["spec"]["jobTemplate"]["spec"]["template"]
    arguments = pod["spec"]["containers"][0]["args"]
    assert "--agree" in arguments
    assert "--traces=4318" not in arguments


def test_several_bots_share_the_channels_and_no_volume() -> None:
    manifests = render({"bot": {"replicas": 3}})
    spec = one(manifests, "Deployment", "demo-rosey-bot")["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (3, "RollingUpdate")
    assert volume(manifests, "data") == {"name": "data", "emptyDir": {}}
    claims = [item["metadata"]["name"] for item in manifests if item["kind"] == "PersistentVolumeClaim"]
    assert "demo-rosey-bot" not in claims
    assert "pool:\n    enabled: true" in configuration(manifests, "demo-rosey-bot")
    assert one(manifests, "PodDisruptionBudget", "demo-rosey-bot")["spec"]["maxUnavailable"] == 1
    assert " pool:" not in configuration(render(), "demo-rosey-bot")


def test_how_they_share_them_is_as_it_is_wanted(tmp_path: Path) -> None:
    def pool(**wanted: Any) -> Pool:
        manifests = render({"bot": {"replicas": 2, "pool": wanted}})
        file = tmp_path / "config.yaml"
        file.write_text(configuration(manifests, "demo-rosey-bot"))
        return load(file, {}).bot.pool

    assert pool() == Pool(enabled=True), "the chart's defaults are the bot's"
    wanted = {"ttl": 0.5, "addressGroup": "007"}
    assert pool(**wanted) == Pool(enabled=True, ttl=0.5, address_group="007")
    manifests = [render({"bot": {"replicas": 2, "pool": values}}) for values in ({}, wanted)]
    checksums = {
        one(found, "Deployment", "demo-rosey-bot")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
        for found in manifests
    }
    assert len(checksums) == 2, "a bot takes them when it starts"


def test_several_bots_have_a_volume_each_where_it_is_asked_for() -> None:
    shared = {"extraEnv": [{"name": "MARK", "value": "1"}], "replicas": 3}
    persistence = {"perReplica": True, "size": "7Gi", "storageClass": "fast", "annotations": {"mark": "1"}}
    without = render({"bot": shared})
    manifests = render({"bot": {**shared, "persistence": persistence}})
    spec = one(manifests, "StatefulSet", "demo-rosey-bot")["spec"]
    assert (spec["replicas"], spec["podManagementPolicy"]) == (3, "Parallel")
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    [claim] = spec["volumeClaimTemplates"]
    assert (claim["metadata"]["name"], claim["metadata"]["annotations"]) == ("data", {"mark": "1"})
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["resources"] == {"requests": {"storage": "7Gi"}}
    # All else is as without.
    names = {(item["kind"], item["metadata"]["name"]) for item in manifests}
    assert names ^ {(item["kind"], item["metadata"]["name"]) for item in without} == {
        ("StatefulSet", "demo-rosey-bot"),
        ("Deployment", "demo-rosey-bot"),
    }
    template = one(without, "Deployment", "demo-rosey-bot")["spec"]["template"]
    template["spec"]["volumes"] = [item for item in template["spec"]["volumes"] if item["name"] != "data"]
    assert spec["template"] == template


def test_one_bot_may_have_the_volume_that_it_keeps_among_several() -> None:
    manifests = render({"bot": {"persistence": {"perReplica": True, "keep": False}}})
    spec = one(manifests, "StatefulSet", "demo-rosey-bot")["spec"]
    assert (spec["replicas"], spec["persistentVolumeClaimRetentionPolicy"]["whenDeleted"]) == (1, "Delete")
    claims = [item["metadata"]["name"] for item in manifests if item["kind"] == "PersistentVolumeClaim"]
    assert claims == ["demo-rosey-database"]
    assert " pool:" not in configuration(manifests, "demo-rosey-bot")


def test_values_of_an_older_chart_are_refused_by_the_name_of_what_they_lack(tmp_path: Path) -> None:
    # As `helm upgrade --reuse-values` has it, which takes the older chart's values in the place of these.
    chart = tmp_path / "rosey"
    shutil.copytree(CHART, chart)
    values = yaml.safe_load((chart / "values.yaml").read_text())
    del values["bot"]["persistence"]["perReplica"], values["test"]
    (chart / "values.yaml").write_text(yaml.safe_dump(values))
    done = subprocess.run([helm(), "template", "demo", str(chart)], check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert "missing property 'test'" in done.stderr
    assert "'/bot/persistence': missing property 'perReplica'" in done.stderr


def test_what_a_value_says_is_taken_as_it_is_meant() -> None:
    manifests = render(
        {"image": {"registry": "registry.example.org/team/"}, "bot": {"terminationGracePeriodSeconds": 0}}
    )
    spec = one(manifests, "Deployment", "demo-rosey-bot")["spec"]["template"]["spec"]
    assert spec["containers"][0]["image"].startswith("registry.example.org/team/rosey-bot:")
    assert spec["terminationGracePeriodSeconds"] == 0
    nightly = render({"backup": {"enabled": True, "schedule": "@daily"}})
    assert one(nightly, "CronJob", "demo-rosey-backup")["spec"]["schedule"] == "@daily"
