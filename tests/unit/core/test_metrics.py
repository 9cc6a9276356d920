"""Metrics: their names, that labels stay few, and what a scraper gets."""

from __future__ import annotations

import re
from importlib.metadata import version

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from rosey_core.telemetry import metrics
from rosey_core.telemetry.metrics import BusMetrics, Children
from rosey_core.telemetry.metrics_bot import BotMetrics
from rosey_core.telemetry.metrics_database import DatabaseMetrics
from rosey_core.telemetry.metrics_operator import OperatorMetrics

GROUPS = {
    "bot": lambda r: BotMetrics(r, ["chatMsg"]),
    "database": DatabaseMetrics,
    "operator": OperatorMetrics,
    "bus": BusMetrics,
}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.mark.parametrize("service", GROUPS)
def test_a_name_is_rosey_the_service_and_the_thing(registry: CollectorRegistry, service: str) -> None:
    GROUPS[service](registry)
    families = list(registry.collect())
    assert families
    for family in families:
        assert re.fullmatch(rf"rosey_{service}_[a-z_]+", family.name)
        assert family.documentation.endswith("."), "every metric says what it is"
        assert family.type != "histogram" or family.name.endswith(("_seconds", "_events"))


def test_the_groups_of_one_process_fit_on_one_registry() -> None:
    registry = metrics.new_registry("rosey-bot", "1.2.3")
    for group in GROUPS.values():
        group(registry)
    assert registry.get_sample_value("rosey_bus_connected") == 0


def test_a_group_does_not_fit_twice(registry: CollectorRegistry) -> None:
    BusMetrics(registry)
    with pytest.raises(ValueError, match="Duplicated"):
        BusMetrics(registry)


def test_a_process_tells_its_build_memory_and_cpu() -> None:
    registry = metrics.new_registry("rosey-bot", version("rosey-core"))
    body = metrics.exposition(registry, "")[0].decode()
    assert f'service="rosey-bot",version="{version("rosey-core")}"' in body
    assert "process_resident_memory_bytes" in body
    assert "process_cpu_seconds_total" in body


def test_children_count_by_their_labels(registry: CollectorRegistry) -> None:
    bot = BotMetrics(registry, frames=["chatMsg"])
    bot.frames["lobby", "chatMsg"].inc()
    bot.frames["lobby", "chatMsg"].inc()
    bot.events_published.inc(3)
    assert registry.get_sample_value("rosey_bot_frames_total", {"channel": "lobby", "event": "chatMsg"}) == 2
    assert registry.get_sample_value("rosey_bot_events_published_total") == 3


def test_a_child_is_made_once(registry: CollectorRegistry) -> None:
    children = Children(Counter("x", "X.", ["a"], registry=registry))
    assert children["one"] is children["one"]
    assert children["one"] is not children["two"]


def test_names_from_outside_share_one_child_and_fill_no_memory(registry: CollectorRegistry) -> None:
    bot = BotMetrics(registry, frames=["chatMsg"])
    for number in range(100):
        bot.frames["lobby", f"made-up-{number}"].inc()
    assert registry.get_sample_value("rosey_bot_frames_total", {"channel": "lobby", "event": "other"}) == 100
    assert len(bot.frames) == 0


def test_the_wrong_number_of_labels_is_an_error(registry: CollectorRegistry) -> None:
    with pytest.raises(ValueError, match="label"):
        BotMetrics(registry, frames=[]).reconnects["lobby"].inc()


@pytest.mark.parametrize("name", ["frame_to_row_seconds", "publish_to_row_seconds", "commit_seconds"])
def test_latency_is_resolved_from_half_a_millisecond_to_ten_seconds(registry: CollectorRegistry, name: str) -> None:
    histogram: Histogram = getattr(DatabaseMetrics(registry), name)
    for seconds in (0.0004, 0.0049, 0.0099, 9.9, 11):
        histogram.observe(seconds)

    def up_to(bound: str) -> float | None:
        return registry.get_sample_value(f"rosey_database_{name}_bucket", {"le": bound})

    assert [up_to("0.0005"), up_to("0.005"), up_to("0.01"), up_to("10.0"), up_to("+Inf")] == [1, 2, 3, 4, 5]


def test_a_scraper_gets_open_metrics_with_exemplars_where_it_asks(registry: CollectorRegistry) -> None:
    DatabaseMetrics(registry).frame_to_row_seconds.observe(0.004, exemplar={"trace_id": "abc"})
    body, content_type = metrics.exposition(registry, "application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    samples = [sample for family in text_string_to_metric_families(body.decode()) for sample in family.samples]
    (exemplar,) = [sample.exemplar for sample in samples if sample.exemplar]
    assert exemplar.labels == {"trace_id": "abc"}


@pytest.mark.parametrize("accept", ["", "text/plain", "*/*"])
def test_anybody_else_gets_plain_text(registry: CollectorRegistry, accept: str) -> None:
    BusMetrics(registry)
    body, content_type = metrics.exposition(registry, accept)
    assert content_type.startswith("text/plain")
    assert b"rosey_bus_connected 0.0" in body


def test_no_series_tells_only_when_another_was_made() -> None:
    registry = metrics.new_registry("rosey-bot", "1")
    BusMetrics(registry).reconnects.inc()
    assert b"_created" not in metrics.exposition(registry, "application/openmetrics-text")[0]


def test_many_amounts_at_once_are_the_same_as_one_by_one(registry: CollectorRegistry) -> None:
    amounts = [0.0, 0.0005, 0.00051, 0.3, 9.9, 10.0, 11.0] * (1 + metrics.MOST_WAITING // 5)
    one_by_one = Histogram("rosey_one", "One.", buckets=metrics.LATENCY_BUCKETS, registry=registry)
    at_once = metrics.BatchHistogram("rosey_all", "All.", buckets=metrics.LATENCY_BUCKETS, registry=registry)
    for amount in amounts:
        one_by_one.observe(amount)
    at_once.observe_all(iter(amounts[1:]))
    at_once.observe(amounts[0])
    assert len(at_once._waiting) <= metrics.MOST_WAITING

    def told(histogram: Histogram) -> dict[str, float]:
        samples = histogram.collect()[0].samples
        return {sample.labels.get("le", sample.name.rpartition("_")[2]): sample.value for sample in samples}

    found, expected = told(at_once), told(one_by_one)
    assert found == pytest.approx(expected)


def test_an_amount_of_a_trace_is_an_exemplar_of_its_bucket(registry: CollectorRegistry) -> None:
    histogram = metrics.BatchHistogram("rosey_all", "All.", buckets=metrics.LATENCY_BUCKETS, registry=registry)
    histogram.observe(0.004)
    histogram.observe(0.3, {"trace_id": "abc"})
    body, _ = metrics.exposition(registry, "application/openmetrics-text")
    (line,) = [line for line in body.decode().splitlines() if "abc" in line]
    assert line.startswith('rosey_all_bucket{le="0.5"} 2.0 # {trace_id="abc"} 0.3 ')


def test_what_was_put_off_is_counted_before_anything_is_read(registry: CollectorRegistry) -> None:
    backlog = metrics.Backlog(registry)
    counter = Counter("rosey_things", "What there was.", registry=registry)
    waiting = [1, 2]

    def count() -> None:
        while waiting:
            counter.inc(waiting.pop())

    backlog.before_reading(count)
    assert registry.get_sample_value("rosey_things_total") == 3
    waiting.append(4)
    assert b"rosey_things_total 7.0" in metrics.exposition(registry, "")[0]
