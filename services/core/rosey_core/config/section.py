"""What all sections of the configuration share: their base, the types of values, and how a secret is laid open."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, SecretStr

Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Hours = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Days = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Bytes = Annotated[ByteSize, Field(gt=0)]
Interval = Annotated[float, Field(ge=0.01, allow_inf_nan=False)]
"""Seconds between two turns of something that goes on for ever."""


def _some_path(path: Any) -> Any:
    if path == "":
        # Else it would be the working directory.
        raise ValueError("is empty: leave it out for its default")
    return path


SomePath = Annotated[Path, BeforeValidator(_some_path)]


def laid_open(secret: SecretStr | None) -> str | None:
    """A secret itself, for whom it is to be shown."""
    return None if secret is None else secret.get_secret_value()


class Section(BaseModel):
    """What all sections share: unknown keys are refused, nothing changes later, errors show no values."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, regex_engine="python-re")
