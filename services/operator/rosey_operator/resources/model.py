"""What all parts of a resource share: names as Kubernetes writes them, and a description on each field."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

GROUP: Final = "rosey.chat"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
CATEGORY: Final = "rosey"


class Part(BaseModel):
    """A part of a resource. What a newer version added is passed over."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")

    def as_json(self) -> dict[str, Any]:
        """As it stands in Kubernetes; what is not known is left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def rules(*rule: tuple[str, str]) -> dict[str, Any]:
    """Rules in CEL that the API server checks, each with the sentence by which it refuses."""
    return {"x-kubernetes-validations": [{"rule": expression, "message": message} for expression, message in rule]}
