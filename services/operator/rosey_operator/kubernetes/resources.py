"""What is written to a resource of ours: its status, and events about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from pydantic import BaseModel, ValidationError

from rosey_operator.kubernetes.api import Kubernetes
from rosey_operator.resources.model import API_VERSION, Part

_LONGEST_MESSAGE: Final = 1000


class Named(Protocol):
    """A resource."""

    @property
    def namespace(self) -> str:
        """Where it is."""
        ...

    @property
    def name(self) -> str:
        """Its name there."""
        ...

    @property
    def uid(self) -> str:
        """What tells it from one of that name before or after it."""
        ...


def declared(found: Mapping[str, Any], spec: type[BaseModel], status: type[BaseModel]) -> dict[str, Any]:
    """The attributes of a resource from an object of the API.

    A spec that cannot be understood becomes a text: why. A status that cannot is as good as none.
    """
    metadata = found["metadata"]
    wanted: BaseModel | str
    try:
        wanted = spec.model_validate(found.get("spec") or {})
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)[0]
        wanted = f"{'.'.join(map(str, ('spec', *details['loc'])))}: {details['msg']}"
    try:
        told = status.model_validate(found.get("status") or {})
    except ValidationError:
        told = status()
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "generation": metadata.get("generation", 0),
        "created": metadata["creationTimestamp"],
        "spec": wanted,
        "status": told,
    }


async def write_status(kubernetes: Kubernetes, plural: str, resource: Named, before: Part, after: Part) -> None:
    """Write a status in the place of another.

    Raises:
        ApiError: it cannot be written.
    """
    new, old = after.as_json(), before.as_json()
    changes: dict[str, Any] = {**dict.fromkeys(old.keys() - new.keys()), **new}
    # By its uid: another of the same name may have come into its place.
    body = {"metadata": {"uid": resource.uid}, "status": changes}
    path = f"/apis/{API_VERSION}/namespaces/{resource.namespace}/{plural}/{resource.name}/status"
    await kubernetes.patch(path, body)


async def emit(
    kubernetes: Kubernetes, kind: str, resource: Named, type: str, reason: str, message: str, *, now: float
) -> None:
    """Tell whoever looks at a resource what has happened, at ``now`` in Unix seconds.

    Raises:
        ApiError: it cannot be told.
    """
    at = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {
        "apiVersion": API_VERSION,
        "kind": kind,
        "namespace": resource.namespace,
        "name": resource.name,
        "uid": resource.uid,
    }
    body = {
        "metadata": {"generateName": f"{resource.name[:200]}.", "namespace": resource.namespace},
        "involvedObject": about,
        "type": type,
        "reason": reason,
        "message": message[:_LONGEST_MESSAGE],
        "source": {"component": "rosey-operator"},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
    await kubernetes.create(f"/api/v1/namespaces/{resource.namespace}/events", body)
