"""Fixtures of the core's unit tests."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rosey_core.config import Config, ConfigError, load

Load = Callable[..., Config]


@pytest.fixture
def restored_logging() -> Iterator[None]:
    """Puts the process's logging back to what it was before the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def read(tmp_path: Path) -> Load:
    """Load a file with this content: an object as JSON, a text as YAML unless named otherwise."""

    def read(content: Any, environ: Mapping[str, str] | None = None, name: str | None = None) -> Config:
        path = tmp_path / (name or ("rosey.yaml" if isinstance(content, str) else "rosey.json"))
        path.write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
        return load(path, environ or {})

    return read


@pytest.fixture
def refusal(read: Load, tmp_path: Path) -> Callable[..., str]:
    """The text of the error that loading this raises, with the file's folder left out."""

    def refusal(*arguments: Any, **options: Any) -> str:
        with pytest.raises(ConfigError) as error:
            read(*arguments, **options)
        return str(error.value).replace(f"{tmp_path}/", "")

    return refusal
