"""Write the CustomResourceDefinitions from the operator's types. ``--check`` only compares.

Run by ``make documents``.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import yaml

from rosey_operator.resources import definitions
from tools.generated import ROOT, write_or_compare

DIRECTORY: Final = ROOT / "charts" / "rosey" / "charts" / "crds" / "crds"
HEAD: Final = "# Made by `make documents` from rosey_operator.resources.\n"


def _text(definition: dict[str, Any]) -> str:
    return HEAD + yaml.safe_dump(definition, sort_keys=False, width=110, allow_unicode=True)


def documents() -> dict[str, str]:
    """The definitions' texts by the names of their files."""
    return {
        "cytubechannels.yaml": _text(definitions.cytube_channels()),
        "roseybenchmarks.yaml": _text(definitions.rosey_benchmarks()),
    }


if __name__ == "__main__":
    texts = {DIRECTORY / name: text for name, text in documents().items()}
    sys.exit(write_or_compare(texts, source="the operator's types say"))
