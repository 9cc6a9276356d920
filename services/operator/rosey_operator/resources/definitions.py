"""The CustomResourceDefinitions, made from the types."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from rosey_operator.resources import cytube_channel, rosey_benchmark
from rosey_operator.resources.model import CATEGORY, GROUP, VERSION

_DROPPED: Final = frozenset({"title", "$defs", "additionalProperties"})
_CONNECTED: Final = '.status.conditions[?(@.type=="Connected")].status'
_READY: Final = '.status.conditions[?(@.type=="Ready")]'


def cytube_channels() -> dict[str, Any]:
    """The definition of ``cytubechannels``."""
    return _definition(
        kind=cytube_channel.KIND,
        plural=cytube_channel.PLURAL,
        short_name="ctc",
        description="A channel of a CyTube site that a bot of this Rosey sits in.",
        spec=cytube_channel.ChannelSpec,
        status=cytube_channel.ChannelStatus,
        columns=[
            _column("Channel", ".spec.channel"),
            _column("Worker", ".status.worker"),
            _column("Connected", _CONNECTED),
            _column("Users", ".status.users", "integer"),
            _column("Now playing", ".status.nowPlaying"),
            _column("Ready", f"{_READY}.status"),
            _column("Age", ".metadata.creationTimestamp", "date"),
            _column("Reason", f"{_READY}.reason", wide=True),
            _column("Server", ".spec.server", wide=True),
            _column("User", ".spec.user", wide=True),
        ],
    )


def rosey_benchmarks() -> dict[str, Any]:
    """The definition of ``roseybenchmarks``."""
    return _definition(
        kind=rosey_benchmark.KIND,
        plural=rosey_benchmark.PLURAL,
        short_name="rbm",
        description="A run of benchmarks against this Rosey, and what came of it.",
        spec=rosey_benchmark.BenchmarkSpec,
        status=rosey_benchmark.BenchmarkStatus,
        columns=[
            _column("Verdict", ".status.verdict"),
            _column("P99", ".status.p99"),
            _column("Rate", ".spec.rate", "integer"),
            _column("Results", ".status.configMap"),
            _column("Ended", ".status.completedAt", "date"),
            _column("Age", ".metadata.creationTimestamp", "date"),
        ],
    )


def _definition(
    *,
    kind: str,
    plural: str,
    short_name: str,
    description: str,
    spec: type[BaseModel],
    status: type[BaseModel],
    columns: list[dict[str, Any]],
) -> dict[str, Any]:
    wanted, told = _schema(spec), _schema(status)
    # One who writes nothing below `spec` gets the defaults all the same, where there is no field without one.
    if not wanted.get("required"):
        wanted["default"] = {}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": [short_name],
                "categories": [CATEGORY],
            },
            "versions": [
                {
                    "name": VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": columns,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "description": description,
                            **({"required": ["spec"]} if wanted.get("required") else {}),
                            "properties": {"spec": wanted, "status": told},
                        }
                    },
                }
            ],
        },
    }


def _column(name: str, path: str, type: str = "string", *, wide: bool = False) -> dict[str, Any]:
    column = {"name": name, "type": type, "jsonPath": path}
    return {**column, "priority": 1} if wide else column


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """A type's schema in the structural form that Kubernetes demands: nothing referred to, nothing that may be null."""
    made = model.model_json_schema(by_alias=True)
    return _structural(made, made.get("$defs", {}))


def _structural(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    node = dict(node)
    if "$ref" in node:
        node = {**definitions[node.pop("$ref").rpartition("/")[2]], **node}
    if "anyOf" in node:
        [only] = [part for part in node.pop("anyOf") if part.get("type") != "null"]
        return _structural({**only, **{name: value for name, value in node.items() if value is not None}}, definitions)
    result: dict[str, Any] = {}
    for name, value in node.items():
        if name in _DROPPED or (name == "default" and value is None):
            continue
        if name == "properties":
            result[name] = {field: _structural(part, definitions) for field, part in value.items()}
        elif name == "items":
            result[name] = _structural(value, definitions)
        else:
            result[name] = value
    return result
