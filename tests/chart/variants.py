"""Values that people give the chart, each of which renders other objects than the rest.

``python -m tests.chart.variants DIRECTORY`` writes what they render, a file each, for tools that judge manifests.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from tests.chart.rendering import template
from tests.chart.test_options import EVERYTHING, POD

_WITHOUT_VOLUME: Final[dict[str, Any]] = {"persistence": {"enabled": False}}

VARIANTS: Final[dict[str, dict[str, Any]]] = {
    "default": {},
    "everything": EVERYTHING,
    "demo": {"simulator": {"enabled": True}},
    "account": {
        "bot": {"channels": [{"channel": "lobby", "user": "Rosey", "password": "word", "proxy": "proxy:1080"}]}
    },
    "external-nats": {
        "nats": {"enabled": False, "url": "tls://nats.example.org:4222", "auth": {"existingSecret": "passwords"}},
        "networkPolicy": {"externalNats": [{"to": [{"ipBlock": {"cidr": "192.0.2.7/32"}}]}]},
    },
    "without-passwords": {"nats": {"auth": {"enabled": False}}},
    "without-volumes": dict.fromkeys(("nats", "database", "bot"), _WITHOUT_VOLUME),
    "pool": {"bot": {"replicas": 3}},
    "pool-with-volumes": {"bot": {"replicas": 3, "persistence": {"perReplica": True}}},
    "without-policies": {"networkPolicy": {"enabled": False}},
    "operator": {"operator": {"enabled": True, "clusterWide": True}, "bot": {"secretName": "own"}},
    "extended": {
        "commonLabels": {"team": "chat"},
        "commonAnnotations": {"note": "of the chat team"},
        "imagePullSecrets": [{"name": "registry"}],
        "simulator": {"enabled": True, **POD},
        "backup": {"enabled": True, "affinity": POD["affinity"], "tolerations": POD["tolerations"]},
        **dict.fromkeys(("nats", "database", "bot"), POD),
        "operator": {"enabled": True, **POD},
    },
}


def main() -> None:
    """Write them."""
    directory = Path(sys.argv[1])
    directory.mkdir(parents=True, exist_ok=True)
    for name, values in VARIANTS.items():
        (directory / f"{name}.yaml").write_text(template(values))


if __name__ == "__main__":
    main()
