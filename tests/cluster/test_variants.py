"""The server takes whatever the chart renders, with the kinds of the Prometheus operator, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pytest

from tests.chart.rendering import render, template
from tests.chart.variants import VARIANTS
from tests.cluster.cluster import ROOT, CommandFailed, Namespace, run
from tests.cluster.turns import sole

KINDS: Final = ("podmonitors", "servicemonitors", "prometheusrules")


@pytest.fixture(scope="module")
def namespace(make_namespace: Callable[..., Namespace]) -> Namespace:
    """What the objects are said to be for; nothing is made in it."""
    return make_namespace("variants")


@pytest.fixture(scope="module", autouse=True)
def _kinds() -> Iterator[None]:
    """The kinds of the Prometheus operator, for as long as the tests here last where the cluster has none."""
    made = []
    with sole("kinds"):
        for kind in KINDS:
            try:
                run("kubectl", "get", "crd", f"{kind}.monitoring.coreos.com")
            except CommandFailed:
                file = str(ROOT / "tests" / "fixtures" / "prometheus-operator" / f"{kind}.yaml")
                run("kubectl", "create", "--filename", file)
                made.append(f"crd/{kind}.monitoring.coreos.com")
        if made:
            run("kubectl", "wait", "--for=condition=Established", *made, "--timeout=30s")
        yield
        if made:
            run("kubectl", "delete", *made)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_server_takes_a_variant(namespace: Namespace, variant: str) -> None:
    options = ("--no-hooks", f"--namespace={namespace.name}")
    text = template(VARIANTS[variant], *options)
    said = namespace.kubectl("apply", "--dry-run=server", "--filename=-", input=text.encode()).decode()
    assert said.count("(server dry run)") == len(render(VARIANTS[variant], *options))


def test_the_server_refuses_a_rule_without_an_expression(namespace: Namespace) -> None:
    text = template(VARIANTS["everything"], "--no-hooks", f"--namespace={namespace.name}")
    broken = text.replace("expr:", "expression:")
    with pytest.raises(CommandFailed, match="expr"):
        namespace.kubectl("apply", "--dry-run=server", "--filename=-", input=broken.encode())
