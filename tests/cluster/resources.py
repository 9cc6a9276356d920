"""Channels as resources: declared, what is told of them, and what the operator may do."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any, Final

from tests.cluster.cluster import Namespace, Release, apply_definitions

SITE: Final = "http://rosey-simulator:8080"
ACCOUNTS: Final = {"Rosey": "right", "Robot": "right"}
"""The accounts of the simulated site, and their passwords."""
ACCOUNT: Final = {"user": "Rosey", "passwordSecretRef": {"name": "account"}}
TRUTH_S: Final = 10
"""Seconds within which a status is true."""
LIMITS: Final = {"connectionsPerAddress": 100, "connectionInterval": 0.1, "guestLoginInterval": 0.1}
"""Of the bots, so that none waits."""


def secret(name: str, **texts: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": texts}


def password(value: str) -> dict[str, Any]:
    """The Secret to which ``ACCOUNT`` refers."""
    return secret("account", password=value)


def prepare(namespace: Namespace) -> None:
    """The accounts of the simulated site, and the definitions."""
    apply_definitions()
    namespace.apply(secret("accounts", accounts=json.dumps(ACCOUNTS)))


def simulator(channels: tuple[str, ...], *arguments: str, **values: Any) -> dict[str, Any]:
    """Values of a simulated site with these channels, on which some have accounts."""
    return {
        "enabled": True,
        "botUser": "Demo",
        "extraArgs": [*(f"--channel={name}" for name in channels), "--accounts=/accounts/accounts", *arguments],
        "extraVolumes": [{"name": "accounts", "secret": {"secretName": "accounts"}}],
        "extraVolumeMounts": [{"name": "accounts", "mountPath": "/accounts", "readOnly": True}],
        **values,
    }


def channel(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "rosey.chat/v1alpha1",
        "kind": "CytubeChannel",
        "metadata": {"name": name},
        "spec": {"channel": name, "server": SITE, **spec},
    }


def condition(namespace: Namespace, name: str, type: str = "Ready") -> tuple[str, str, str]:
    """A condition of a channel: its status, reason and message."""
    return told(namespace.get("ctc", name), type)


def told(resource: dict[str, Any], type: str = "Ready") -> tuple[str, str, str]:
    """A condition of a resource: its status, reason and message."""
    found = resource.get("status", {}).get("conditions", [])
    return next(((one["status"], one["reason"], one["message"]) for one in found if one["type"] == type), ("", "", ""))


def is_so(namespace: Namespace, name: str, *wanted: str) -> Callable[[], bool]:
    """Whether a channel is ready or not for this reason."""
    return lambda: condition(namespace, name)[: len(wanted)] == wanted


def rooms(release: Release) -> set[str]:
    """The channels in which the bots are now."""
    pods = [f"pod/{pod['metadata']['name']}" for pod in release.pods("bot")]
    beginning, end = 'rosey_bot_connected{channel="', '"}'
    return {
        name.removeprefix(beginning).removesuffix(end)
        for pod in pods
        for name, value in release.metrics_of(pod).items()
        if name.startswith(beginning) and value == 1
    } - {"demo"}


def may(release: Release, verb: str, resource: str, *options: str) -> bool:
    """Whether the operator of a release may do this, in the release's namespace unless an option says otherwise."""
    account = f"system:serviceaccount:{release.namespace.name}:rosey-operator"
    command = ["kubectl", "auth", "can-i", verb, resource, f"--as={account}", *options]
    if not any(option.startswith("--namespace") or option == "--all-namespaces" for option in options):
        command.append(f"--namespace={release.namespace.name}")
    return subprocess.run(command, check=False, capture_output=True, timeout=30).stdout.strip() == b"yes"
