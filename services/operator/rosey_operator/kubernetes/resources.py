"""What is written to a resource of ours: its status, and events about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from pydantic import ValidationError

from rosey_operator.kubernetes.api import Kubernetes
from rosey_operator.reconcile.declared import Declared, Event, SetStatus, Spec, Status
from rosey_operator.resources.model import API_VERSION

_LONGEST_MESSAGE: Final = 1000


def declared(found: Mapping[str, Any], spec: type[Spec], status: type[Status]) -> Declared[Spec, Status]:
    """A resource from an object of the API.

    A spec that cannot be understood becomes a text: why. A status that cannot is as good as none.
    """
    metadata = found["metadata"]
    wanted: Spec | str
    try:
        wanted = spec.model_validate(found.get("spec") or {})
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)[0]
        wanted = f"{'.'.join(map(str, ('spec', *details['loc'])))}: {details['msg'].removeprefix('Value error, ')}"
    try:
        told = status.model_validate(found.get("status") or {})
    except ValidationError:
        told = status()
    return Declared(
        namespace=metadata["namespace"],
        name=metadata["name"],
        uid=metadata["uid"],
        generation=metadata.get("generation", 0),
        created=metadata["creationTimestamp"],
        spec=wanted,
        status=told,
    )


async def write_status(kubernetes: Kubernetes, plural: str, action: SetStatus[Any, Any]) -> None:
    """Write a resource's status in the place of the one that it has.

    Raises:
        ApiError: it cannot be written.
    """
    resource = action.resource
    new, old = action.status.as_json(), resource.status.as_json()
    changes: dict[str, Any] = {**dict.fromkeys(old.keys() - new.keys()), **new}
    # By its uid: another of the same name may have come into its place.
    body = {"metadata": {"uid": resource.uid}, "status": changes}
    path = f"/apis/{API_VERSION}/namespaces/{resource.namespace}/{plural}/{resource.name}/status"
    await kubernetes.patch(path, body)


async def emit(kubernetes: Kubernetes, kind: str, resource: Declared[Any, Any], event: Event, *, now: float) -> None:
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
        "type": event.type,
        "reason": event.reason,
        "message": event.message[:_LONGEST_MESSAGE],
        "source": {"component": "rosey-operator"},
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
    }
    await kubernetes.create(f"/api/v1/namespaces/{resource.namespace}/events", body)
