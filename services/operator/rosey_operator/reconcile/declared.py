"""What people declare, and how it is told in it what became of that: the same for all kinds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from rosey_operator.resources.model import Part

Spec = TypeVar("Spec", bound=Part)
Status = TypeVar("Status", bound=Part)


# Without slots: Python 3.11 makes no generic one that is frozen and has them.
@dataclass(frozen=True)
class Declared(Generic[Spec, Status]):
    """A resource as it stands.

    Attributes:
        namespace: where it is.
        name: its name there.
        uid: what tells it from one of that name before or after it.
        generation: counts what was wanted.
        created: when it was made, as Kubernetes writes it.
        spec: what is wanted; a text where that cannot be understood: why.
        status: what was told of it last.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    created: str
    spec: Spec | str
    status: Status


@dataclass(frozen=True, slots=True)
class Event:
    """What has happened to a resource, for whoever looks at it."""

    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True)
class SetStatus(Generic[Spec, Status]):
    """Write a resource's status, and tell of what has led to it.

    Attributes:
        resource: which.
        status: the new one.
        events: told once it stands there; where it cannot be written, they would be told again with each try.
    """

    resource: Declared[Spec, Status]
    status: Status
    events: tuple[Event, ...] = ()
