"""Every option of the chart has an effect: a changed value renders another text than all options as they stand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import pytest
import yaml

from tests.chart.rendering import CHART, over, template

EVERYTHING: Final[dict[str, Any]] = {
    "nats": {
        "replicas": 3,
        "auth": {"existingSecret": "passwords"},
        "tls": {"secretName": "certificate"},
    },
    "bot": {"channels": [{"channel": "lobby", "user": "Rosey", "existingSecret": "account"}]},
    "simulator": {"enabled": True},
    "database": {"api": {"enabled": True}},
    "backup": {"enabled": True},
    "benchmark": {"enabled": True, "prometheus": {"url": "http://prometheus:9090"}},
    "operator": {"enabled": True},
    "networkPolicy": {key: [{"namespaceSelector": {}}] for key in ("metricsFrom", "natsFrom", "apiFrom")},
    "monitoring": {
        "renderMode": "alwaysRender",
        "podMonitor": {"enabled": True},
        "serviceMonitor": {"enabled": True},
        "prometheusRule": {"enabled": True},
        "dashboards": {"enabled": True},
    },
}

ENVIRONMENT: Final = [{"name": "MARK", "value": "1"}]
POD: Final[dict[str, Any]] = {
    "extraArgs": ["--mark"],
    "extraEnv": ENVIRONMENT,
    "extraEnvFrom": [{"configMapRef": {"name": "mark"}}],
    "extraVolumes": [{"name": "mark", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "mark", "mountPath": "/mark"}],
    "extraContainers": [{"name": "mark", "image": "mark"}],
    "podLabels": {"mark": "1"},
    "podAnnotations": {"mark": "1"},
    "nodeSelector": {"mark": "1"},
    "affinity": {"podAntiAffinity": {}},
    "tolerations": [{"key": "mark", "operator": "Exists"}],
    "topologySpreadConstraints": [{"topologyKey": "mark", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}],
    "priorityClassName": "mark",
    "terminationGracePeriodSeconds": 77,
}
"""Other values of the options that every component has, by the last part of their names."""

COMMON: Final[dict[str, Any]] = {
    "existingClaim": "mark",
    "existingSecret": "mark",
    "storageClass": "mark",
    "accessModes": ["ReadWriteMany"],
    "annotations": {"mark": "1"},
    "labels": {"mark": "1"},
    "size": "77Gi",
    "digest": f"sha256:{'7' * 64}",
    "cpu": "77m",
    "memory": "77Mi",
    "interval": "77s",
}

OTHER: Final[dict[str, Any]] = {
    "nameOverride": "mark",
    "fullnameOverride": "mark",
    "commonLabels": {"mark": "1"},
    "commonAnnotations": {"mark": "1"},
    "image.registry": "registry.example.org",
    "image.pullPolicy": "Always",
    "imagePullSecrets": [{"name": "mark"}],
    "podSecurityContext.seccompProfile.type": "Localhost",
    "containerSecurityContext.capabilities.drop": ["NET_RAW"],
    "podSecurityContext.fsGroupChangePolicy": "Always",
    "logging.level": "DEBUG",
    "logging.format": "text",
    "tracing.endpoint": "http://collector:4318",
    "tracing.sampleRatio": 0.5,
    "networkPolicy.tracing": [{"to": []}],
    "stream.maxBytes": "77MiB",
    "nats.replicas": 5,
    "nats.auth.users": [{"name": "mark", "publish": ["a"]}],
    "nats.tls.secretName": "mark",
    "nats.maxPayload": "7MB",
    "nats.jetstream.maxFileStore": "77GB",
    "nats.jetstream.maxMemoryStore": "77MB",
    "nats.jetstream.syncInterval": "always",
    "bot.channels": [{"channel": "other"}],
    "bot.timezone": "Europe/Berlin",
    "bot.spoolMaxBytes": "77MiB",
    "backup.schedule": "7 7 * * *",
    "benchmark.schedule": "7 7 * * *",
    "benchmark.only": ["test_burst_handling"],
    "benchmark.prometheus.url": "http://elsewhere:9090",
    "networkPolicy.prometheus": [{"to": []}],
    "monitoring.renderMode": "skipIfMissing",
    "networkPolicy.dns": [],
    "networkPolicy.cytube": [],
    "networkPolicy.natsFrom": [],
    "networkPolicy.metricsFrom": [],
    "networkPolicy.apiFrom": [],
    "networkPolicy.externalNats": [{"to": []}],
    "networkPolicy.apiServer": [],
    "test.channel": "other",
}

CONTEXT: Final[dict[str, dict[str, Any]]] = {
    "nats.url": {"nats": {"enabled": False, "url": "nats://here:4222"}},
    "networkPolicy.externalNats": {"nats": {"enabled": False, "url": "nats://here:4222"}},
    "tracing.sampleRatio": {"tracing": {"endpoint": "http://collector:4318"}},
    "serviceAccount.name": {"serviceAccount": {"create": False}},
    "nats.enabled": {"nats": {"enabled": True, "url": "nats://here:4222", "auth": {"existingSecret": "passwords"}}},
    "bot.pool.ttl": {"bot": {"replicas": 2}},
    "bot.pool.addressGroup": {"bot": {"replicas": 2}},
    "database.persistence.enabled": {"backup": {"enabled": False}},
}
"""What an option needs around it, where that is not what ``EVERYTHING`` has."""

ITEMS: Final[dict[str, tuple[dict[str, Any], dict[str, Any]]]] = {
    "bot.channels": (
        {"channel": "lobby", "user": "Rosey"},
        {
            "channel": "other",
            "server": "https://cytube.example.org",
            "user": "Other",
            "password": "word",
            "channelPassword": "word",
            "proxy": "socks5://proxy:1080",
            "existingSecret": "account",
        },
    ),
    "imagePullSecrets": ({"name": "mark"}, {"name": "other"}),
    "nats.auth.users": ({"name": "mark"}, {"name": "other", "publish": ["a"], "subscribe": ["b"]}),
}
"""An entry of a list of entries, and other values of what may be in one."""
ITEM_CONTEXT: Final = {f"{what}Key": {"existingSecret": "account"} for what in ("password", "channelPassword", "proxy")}
"""What a part of an entry needs beside it."""


def leaves(values: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The options with their values; a map that is empty by default is one."""
    for key, value in values.items():
        here = f"{path}{key}"
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{here}.")
        else:
            yield here, value


DEFAULTS: Final = yaml.safe_load((CHART / "values.yaml").read_text())
OPTIONS: Final = dict(leaves(DEFAULTS))


def at(values: dict[str, Any], option: str, default: Any) -> Any:
    """The value of an option here, where it has one."""
    key, _, rest = option.partition(".")
    if key not in values:
        return default
    return at(values[key], rest, default) if rest else values[key]


def another(option: str, value: Any) -> Any:
    """Another value than this."""
    last = option.rpartition(".")[2]
    for known, key in ((OTHER, option), (POD, last), (COMMON, last)):
        if key in known:
            return known[key]
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 7
    if isinstance(value, str):
        return "mark"
    raise AssertionError(f"{option}: say in OTHER what else it may be")


@cache
def rendered(values: str) -> str:
    return template(json.loads(values))


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_has_an_effect(option: str) -> None:
    base = {**EVERYTHING, **CONTEXT.get(option, {})}
    values = over(base, option, another(option, at(base, option, OPTIONS[option])))
    changed = rendered(json.dumps(values)) != rendered(json.dumps(base))
    assert changed, f"{option}: nothing is rendered otherwise with another value"


def schema_at(option: str) -> dict[str, Any]:
    """The part of the schema that is about an option."""
    found: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
    for key in option.split("."):
        found = found["properties"][key]
    return found


@pytest.mark.parametrize("option", ITEMS)
def test_every_part_of_an_entry_has_an_effect(option: str) -> None:
    entry, others = ITEMS[option]
    for name in schema_at(option)["items"]["properties"]:
        base = {**entry, **ITEM_CONTEXT.get(name, {})}
        changed = {**base, name: others.get(name, "mark")}
        texts = {
            template(over({"nats": {"auth": {"existingSecret": "passwords"}}}, option, [each]))
            for each in (base, changed)
        }
        assert len(texts) == 2, f"{option}[].{name}: nothing is rendered otherwise with another value"


def with_entries(schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """The options that are lists of entries of ours."""
    for name, option in schema.get("properties", {}).items():
        if "properties" in option.get("items", {}):
            yield f"{path}{name}"
        yield from with_entries(option, f"{path}{name}.")


def test_every_list_of_entries_is_among_them() -> None:
    assert set(with_entries(json.loads((CHART / "values.schema.json").read_text()))) == set(ITEMS)
