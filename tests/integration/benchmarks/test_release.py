"""The benchmarks of a release, against a real service; and that they can fail."""

from __future__ import annotations

import asyncio
import json
import math
import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from aiohttp import web

from benchmarks.names import HOUR, NAMES
from benchmarks.outcome import Outcome
from benchmarks.processes import ROOT
from benchmarks.release import configmap, results
from benchmarks.release.configmap import Cluster, NotWritten
from benchmarks.release.exposition import Exposition
from benchmarks.release.extent import Extent
from benchmarks.release.reading import Endpoints, Reading, Source
from benchmarks.release.suite import take
from benchmarks.release.target import Release, Unusable
from benchmarks.rows import Bound, Rating, Row
from rosey_core.config import Nats
from rosey_core.health import Health, HealthServer
from rosey_core.telemetry.metrics import new_registry
from rosey_database import BotDatabase, DatabaseService, effects
from rosey_database.effects import Received
from rosey_database.tables.channels import ChannelIds
from tests.support.nats_server import NatsServer

SHORT = Extent(rate=200, seconds=0.1, bursts=1, poured=400, kept=100, calm_s=0.05, mixed=1, hour_s=0.5)
LOST = "events lost or doubled"


@pytest.fixture
async def release(nats_server: NatsServer, database_service: DatabaseService) -> AsyncIterator[Release]:
    """The service as a release that is measured; what is missing is soon given up."""
    async with Release(Nats(url=nats_server.url), channel="bench", patience=2.0) as release:
        yield release


@pytest.fixture
async def source() -> AsyncIterator[Source]:
    """This process's metrics, as those of a database service."""
    server = HealthServer(Health(), new_registry("rosey-database", "0"))
    await server.start()
    yield Endpoints([f"{server.url}/metrics"])
    await server.stop()


async def measured(release: Release, source: Source | None, *only: str) -> dict[str, Outcome]:
    return {outcome.name: outcome for outcome in await take(release, SHORT, source, only=only)}


def row(outcome: Outcome, metric: str) -> Row:
    return next(row for row in outcome.rows if row.metric == metric)


async def test_each_of_the_ten_has_figures_or_says_why_not(release: Release, source: Source) -> None:
    outcomes = await measured(release, source)
    assert tuple(outcomes) == NAMES
    omitted = {name for name, outcome in outcomes.items() if outcome.verdict is Rating.NOT_RUN}
    assert omitted == {HOUR, "test_service_restart_performance"}
    assert all(row.omitted for name in omitted for row in outcomes[name].rows)
    for name in outcomes.keys() - omitted:
        assert outcomes[name].error is None
        assert outcomes[name].fate.sent > 0
        assert row(outcomes[name], LOST).result == 0
        assert not any(math.isnan(row.result) for row in outcomes[name].rows)


async def test_the_hour_runs_where_it_is_named(release: Release, source: Source) -> None:
    [outcome] = (await measured(release, source, HOUR)).values()
    assert outcome.error is None
    assert outcome.series["memory over an hour"][0].points
    assert [row.verdict for row in outcome.rows if row.omitted] == []


async def test_what_no_process_tells_is_not_made_up(release: Release) -> None:
    name = "test_cpu_overhead_comparison"
    [omitted] = (await measured(release, None, name))[name].rows
    assert (omitted.verdict, omitted.as_json()["result"]) == (Rating.NOT_RUN, None)
    assert "--metrics" in (omitted.omitted or "")


class Alternating:
    """Two processes behind one address."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._asked = 0

    async def read(self) -> Reading:
        self._asked += 1
        key = ("process_start_time_seconds", ())
        reading = await self._source.read()
        return Reading([{**samples, key: self._asked % 2} for _, samples in reading._processes])


class Broken:
    """A source that cannot be read."""

    async def read(self) -> Reading:
        raise LookupError("nothing there")


async def test_a_benchmark_that_fails_is_an_error_and_the_next_one_runs(release: Release) -> None:
    outcomes = await measured(release, Broken(), "test_memory_baseline", "test_concurrent_event_types")
    assert outcomes["test_memory_baseline"].error == "LookupError: nothing there"
    assert outcomes["test_concurrent_event_types"].error is None
    assert results.has_failed(list(outcomes.values()), loss_only=True)


class Silent:
    """A process that tells nothing of its memory and its CPU time, as none does on macOS and Windows."""

    async def read(self) -> Reading:
        return Reading([{("rosey_build_info", (("service", "rosey-database"),)): 1.0}])


async def test_what_the_processes_do_not_know_is_not_taken_for_nothing(release: Release) -> None:
    names = ("test_cpu_overhead_comparison", "test_memory_baseline", HOUR)
    for outcome in (await measured(release, Silent(), *names)).values():
        [row] = [row for row in outcome.rows if row.metric != LOST]
        assert "only on Linux" in (row.omitted or "")


async def test_processes_that_share_an_address_are_not_taken_for_one(release: Release, source: Source) -> None:
    names = ("test_cpu_overhead_comparison", "test_memory_baseline", HOUR)
    for outcome in (await measured(release, Alternating(source), *names)).values():
        assert [row.verdict for row in outcome.rows if row.metric != LOST] == [Rating.NOT_RUN]


async def test_a_line_is_seen_after_the_last_look_in_vain_and_not_before_it_is_stored(
    release: Release, temp_database: BotDatabase
) -> None:
    said = await release.say(20, 200.0)
    assert len(said.seen) == len(await temp_database.get_recent_chat(100, channel="bench")) == 20
    assert all(early <= late for early, late in zip(said.earliest(), said.latencies(), strict=True))


async def test_a_lost_line_fails_its_benchmark(release: Release, monkeypatch: pytest.MonkeyPatch) -> None:
    applied = effects.apply

    def lose_one(connection: sqlite3.Connection, ids: ChannelIds, batch: Sequence[Received]) -> int:
        return applied(connection, ids, [each for each in batch if " 8 " not in getattr(each.event, "message", "")])

    monkeypatch.setattr(effects, "apply", lose_one)
    name = "test_single_event_latency"
    outcomes = await measured(release, None, name)
    assert row(outcomes[name], LOST).result == 1
    assert results.verdict(list(outcomes.values())) is Rating.FAIL


async def test_a_line_that_is_there_twice_is_counted(release: Release, temp_database: BotDatabase) -> None:
    await release.say(5, 200.0)
    [(message,)] = await temp_database.conn.execute_fetchall("SELECT message FROM recent_chat LIMIT 1")
    await temp_database.log_chat("ann", message, channel="bench")
    verdict = await release.verdict()
    assert (verdict.sent, verdict.lost, verdict.doubled) == (5, 0, 1)


async def test_nobody_is_left_in_the_room(release: Release, temp_database: BotDatabase) -> None:
    await measured(release, None, "test_concurrent_event_types")
    await release.burst(1)
    rows = await temp_database.conn.execute_fetchall("SELECT 1 FROM user_stats WHERE current_session_start IS NOT NULL")
    assert not list(rows)


@pytest.mark.usefixtures("database_service")
async def test_the_program_measures_says_and_keeps_and_exits_with_0_where_nothing_was_lost(
    nats_server: NatsServer, tmp_path: Path
) -> None:
    options = ["--only", "test_concurrent_event_types", "--duration", "0.2", "--loss-only", "--output", str(tmp_path)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.release", "--nats", nats_server.url, *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, problems = await process.communicate()
    assert process.returncode == 0, problems.decode()
    assert "its lines stay until retention takes them, its users stay" in said.decode()
    assert "0 lost, 0 doubled" in said.decode()
    rows = json.loads((tmp_path / "latest.json").read_text())
    assert {row["name"] for row in rows} == {"test_concurrent_event_types"}
    assert (tmp_path / "latest.csv").read_text().startswith("name,metric,unit")


async def test_figures_are_metrics_while_it_goes_on() -> None:
    outcome = Outcome("test_x")
    outcome.figure("speed", "1/s", [7.0], required=Bound(">", 8))
    outcome.omit("other", "ms", "it cannot be taken")
    async with Exposition(0) as exposition:
        exposition.show(outcome)
        reading = await Endpoints([f"http://127.0.0.1:{exposition.port}"]).read()
        assert reading.total("rosey_benchmark_result", benchmark="test_x", figure="speed") == 7
        assert reading.total("rosey_benchmark_verdict", figure="speed") == 1
        assert reading.total("rosey_benchmark_finished_timestamp_seconds") == 0
        assert reading.services == {"rosey-benchmark"}
        await exposition.linger(0)
        reading = await Endpoints([f"http://127.0.0.1:{exposition.port}"]).read()
        assert reading.total("rosey_benchmark_finished_timestamp_seconds") > 0


async def test_a_nats_without_rosey_cannot_be_measured(nats_server: NatsServer) -> None:
    with pytest.raises(Unusable, match="nobody serves"):
        async with Release(Nats(url=nats_server.url)):
            pass


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[tuple[Cluster, dict[str, dict[str, str]]]]:
    """What a pod sees of an API server that keeps ConfigMaps of the namespace `rosey`, and what it keeps."""
    kept: dict[str, dict[str, str]] = {}

    async def patch(request: web.Request) -> web.Response:
        if request.headers["Authorization"] != "Bearer secret":
            return web.Response(status=403, text="forbidden")
        name = request.match_info["name"]
        if name not in kept:
            return web.Response(status=404)
        kept[name] |= (await request.json())["data"]
        return web.json_response({})

    async def post(request: web.Request) -> web.Response:
        made = await request.json()
        kept[made["metadata"]["name"]] = made["data"]
        return web.json_response({}, status=201)

    application = web.Application()
    application.router.add_patch("/api/v1/namespaces/rosey/configmaps/{name}", patch)
    application.router.add_post("/api/v1/namespaces/rosey/configmaps", post)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    (tmp_path / "account").mkdir()
    for file, text in {"namespace": "rosey", "token": "secret"}.items():
        (tmp_path / "account" / file).write_text(text)
    host, port = runner.addresses[0]
    yield Cluster(f"http://{host}:{port}", tmp_path / "account"), kept
    await runner.cleanup()


async def test_results_are_kept_in_a_configmap(api: tuple[Cluster, dict[str, dict[str, str]]]) -> None:
    cluster, kept = api
    outcome = Outcome("test_x")
    outcome.figure("speed", "1/s", [7.0])
    outcome.finish()
    data = results.as_data([outcome], 3.0)
    await configmap.write(cluster, "found", data)
    kept["found"]["note"] = "an operator's own"
    await configmap.write(cluster, "found", data)
    assert kept["found"].keys() == {"latest.json", "latest.csv", "summary", "verdict", "finished", "note"}
    rows = json.loads(kept["found"]["latest.json"])
    assert [(row["name"], row["metric"], row["result"]) for row in rows] == [
        ("test_x", "speed", 7.0),
        ("test_x", LOST, 0),
    ]


async def test_an_api_server_that_refuses_is_told_of(api: tuple[Cluster, dict[str, dict[str, str]]]) -> None:
    cluster, _ = api
    (cluster.account / "token").write_text("another")
    with pytest.raises(NotWritten, match="403: forbidden"):
        await configmap.write(cluster, "found", {})
