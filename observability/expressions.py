"""What panels ask of Prometheus again and again, and the limits of the answers."""

from __future__ import annotations

from typing import Final

NAMESPACE: Final = 'namespace=~"$namespace"'
CHANNEL: Final = 'namespace=~"$namespace", channel=~"$channel"'
BENCHMARK: Final = 'namespace=~"$namespace", benchmark=~"$benchmark"'

NONE: Final = " or on () vector(0)"
"""Behind a query: 0 where there is nothing to ask."""

LATE: Final = [(0.01, "orange"), (0.05, "red")]
"""Seconds: 95 % within 10 ms are promised."""
ANY_IS_BAD: Final = [(1.0, "red")]


def rate(metric: str, selector: str = NAMESPACE, by: str = "") -> str:
    """The query of a counter's rate each second, 0 where nothing was ever counted."""
    grouped = f"sum by ({by}) " if by else "sum"
    return f"{grouped}(rate({metric}{{{selector}}}[$__rate_interval])){NONE}"


def quantiles(metric: str, selector: str) -> dict[str, str]:
    """The queries of a histogram's median, 95th and 99th percentile."""
    return {f"p{share * 100:g}": quantile(metric, selector, share) for share in (0.5, 0.95, 0.99)}


def quantile(metric: str, selector: str, share: float, by: str = "") -> str:
    """The query of one percentile of a histogram, by a label where one is named."""
    labels = "le" if not by else f"le, {by}"
    return f"histogram_quantile({share:g}, sum by ({labels}) (rate({metric}_bucket{{{selector}}}[$__rate_interval])))"
