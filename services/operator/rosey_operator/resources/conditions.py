"""Conditions by Kubernetes' convention: what is true of a resource, since when, and why."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import Field

from rosey_operator.resources.model import Part

ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(Part):
    """A condition."""

    type: str = Field(description="What is told.", max_length=316)
    status: ConditionStatus = Field(description="Whether it is so.")
    reason: str = Field(description="Why, in one word for machines.", max_length=1024)
    message: str = Field(default="", description="Why, in a sentence for people.", max_length=32768)
    last_transition_time: datetime = Field(description="Since when the status is what it is.")
    observed_generation: int = Field(default=0, description="The generation of the resource that this is about.")


def condition(
    type: str, status: ConditionStatus, reason: str, message: str, *, generation: int, now: float
) -> Condition:
    """A condition that begins now, in Unix seconds."""
    return Condition(
        type=type,
        status=status,
        reason=reason,
        message=message,
        last_transition_time=datetime.fromtimestamp(int(now), UTC),
        observed_generation=generation,
    )


def continued(new: Sequence[Condition], before: Sequence[Condition]) -> list[Condition]:
    """New conditions; those whose status was the same before have had it since then."""
    times = {(old.type, old.status): old.last_transition_time for old in before}
    return [
        one.model_copy(update={"last_transition_time": times.get((one.type, one.status), one.last_transition_time)})
        for one in new
    ]
