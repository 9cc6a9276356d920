"""What ``rosey doctor`` says of a machine, a database file and a configuration."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from rosey_cli.data_directory import DataDirectory
from rosey_cli.doctor import database, examination, machine
from rosey_cli.doctor.finding import Finding, Level, ok, problem, summary, verdict, warning
from rosey_cli.main import app
from rosey_core.health import Health, HealthCollector, HealthServer
from rosey_core.telemetry import logs
from rosey_database import migrations
from rosey_database.migrations import VERSION_TABLE
from rosey_database.sqlite import Location


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of this version, to be copied."""
    file = tmp_path_factory.mktemp("doctor") / "made.db"
    migrations.upgrade(Location.of(file))
    return file


@pytest.fixture
def file(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(made, tmp_path / "bot_data.db"))


def worst(findings: list[Finding]) -> Finding:
    return max(findings, key=lambda finding: list(Level).index(finding.level))


def test_a_finding_says_what_why_and_what_to_do_and_keeps_secrets() -> None:
    logs.hide(["hunter2hunter2"])
    found = problem("nats", "refused hunter2hunter2\x1b[31m", "mend it")
    told = "\n".join(found.as_lines()) + json.dumps(found.as_object())
    assert "hunter2" not in told
    assert "\x1b" not in told
    assert found.as_lines()[0].startswith("problem  nats ")
    assert found.as_lines()[1].endswith("-> mend it")


def test_each_of_several_reasons_has_its_line() -> None:
    found = problem("configuration", "line 1: one\nline 2: two", "mend it").as_lines()
    assert [line[32:] for line in found] == ["line 1: one", "line 2: two", "-> mend it"]
    assert {line[:32].strip() for line in found} == {"problem  configuration", ""}
    assert len(ok("a", "").as_lines()) == 1


def test_only_a_problem_makes_the_exit_code_1() -> None:
    assert verdict([ok("a", ""), warning("b", "", "")]) == 0
    assert verdict([ok("a", ""), problem("b", "", "")]) == 1
    assert summary([ok("a", "")]) == "nothing is wrong"
    assert summary([warning("b", "", ""), problem("b", "", ""), problem("b", "", "")]) == "2 problems, 1 warning"


def test_an_old_python_is_a_problem() -> None:
    assert machine.python_version().level is Level.OK
    assert machine.python_version((3, 10, 9)).level is Level.PROBLEM


async def test_a_port_that_another_program_has_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rosey_cli.up.scrape.TIMEOUT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        found = await machine.health_port("127.0.0.1", port)
        assert found.level is Level.PROBLEM
        assert f"process {os.getpid()}" in found.reason
    assert (await machine.health_port("127.0.0.1", port)).level is Level.OK
    assert (await machine.health_port("127.0.0.1", 0)).level is Level.OK
    assert (await machine.health_port("192.0.2.1", port)).level is Level.PROBLEM


async def test_a_port_that_rosey_itself_has_is_none() -> None:
    registry = CollectorRegistry()
    registry.register(HealthCollector(Health("nats")))
    server = HealthServer(Health("nats"), registry, "127.0.0.1", 0)
    await server.start()
    found = await machine.health_port("127.0.0.1", int(server.url.rpartition(":")[2]))
    await server.stop()
    assert (found.level, "of Rosey's" in found.reason) == (Level.OK, True)


async def test_a_port_of_another_web_server_is_a_problem() -> None:
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found = await machine.health_port("127.0.0.1", runner.addresses[0][1])
    await runner.cleanup()
    assert found.level is Level.PROBLEM


def test_a_disk_that_is_nearly_full_is_told(tmp_path: Path) -> None:
    def level(free: int) -> Level:
        return machine.disk(tmp_path / "not" / "there", lambda _: free).level

    assert (level(1 << 20), level(1 << 29), level(1 << 40)) == (Level.PROBLEM, Level.WARNING, Level.OK)
    assert "GB free" in machine.disk(tmp_path).reason


def test_a_folder_that_cannot_be_used_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    assert machine.folder("spool", tmp_path / "new" / "one").level is Level.OK
    assert machine.folder("spool", tmp_path / "file" / "spool").level is Level.PROBLEM
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert machine.folder("spool", tmp_path).level is Level.PROBLEM


def test_a_good_database_is_good_and_stays_as_it_is(file: Path) -> None:
    before = file.read_bytes()
    assert worst(list(database.check(file))).level in (Level.OK, Level.WARNING)
    assert verdict(list(database.check(file))) == 0
    assert file.read_bytes() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert database.stored_position(file) is None


def test_a_database_that_is_not_there_yet_is_made_by_the_service(tmp_path: Path) -> None:
    assert "not there yet" in next(database.check(tmp_path / "new.db")).reason
    assert database.stored_position(tmp_path / "new.db") is None
    assert list(tmp_path.iterdir()) == []
    found = next(database.check(tmp_path / "nowhere" / "new.db"))
    assert (found.level, "is not there" in found.reason) == (Level.PROBLEM, True)


def test_a_database_of_a_newer_version_is_a_problem_where_this_one_cannot_work_on_it(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    reasons = [found.reason for found in database.check(file)]
    assert f"{file} has a newer schema, on which this version works" in reasons
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("UPDATE rosey_info SET value = '9998' WHERE key = 'oldest_at_work'")
    found = worst(list(database.check(file)))
    assert found.level is Level.PROBLEM
    assert "has schema 9999" in found.reason


def test_a_database_of_another_program_or_none_at_all_is_a_problem(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection, connection:
        connection.execute("CREATE TABLE a (b)")
    assert "another program" in worst(list(database.check(other))).reason
    text = tmp_path / "text.db"
    text.write_text("no database, whatever its name says\n" * 100)
    assert "is corrupt" in worst(list(database.check(text))).reason


def test_a_corrupt_database_is_a_problem(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        # A page beyond the schema's own: its tables can still be read from the first.
        (root,) = connection.execute("SELECT max(rootpage) FROM sqlite_master").fetchone()
    content = bytearray(file.read_bytes())
    content[(root - 1) * size : root * size] = b"\x5a" * size
    file.write_bytes(content)
    found = worst(list(database.check(file)))
    assert found.level is Level.PROBLEM
    assert "corrupt" in found.reason
    assert "rosey restore" in found.advice


def test_a_locked_database_is_a_problem(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOCK_WAIT_S", 0.05)
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("PRAGMA journal_mode = WAL")
        holder.execute("BEGIN IMMEDIATE")
        found = worst(list(database.check(file)))
    assert found.level is Level.PROBLEM
    assert "holds a lock" in found.reason


def test_a_database_that_cannot_be_written_is_a_problem(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert any("cannot be written" in found.reason for found in database.check(file))


def test_a_large_database_is_looked_at_for_a_bounded_time(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "QUICK_CHECK_S", -1)
    monkeypatch.setattr(database, "_STEPS", 1)
    assert any("too large" in found.reason for found in database.check(file))


def test_a_database_of_the_original_is_told_to_be_upgraded(tmp_path: Path) -> None:
    file = tmp_path / "old.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE user_stats (username TEXT PRIMARY KEY, first_seen INTEGER)")
        connection.execute("CREATE TABLE user_actions (id INTEGER PRIMARY KEY)")
        connection.execute("CREATE TABLE channel_stats (id INTEGER PRIMARY KEY)")
    found = next(found for found in database.check(file) if found.name == "database")
    assert found.level is Level.WARNING
    assert "rosey database upgrade" in found.advice


def test_a_configuration_that_cannot_be_read_ends_the_examination(tmp_path: Path) -> None:
    bad = tmp_path / "rosey.yaml"
    bad.write_text("nats: {url: 7, password: hunter2hunter2}\nplatforms: nothing\n")
    result = CliRunner().invoke(app, ["doctor", str(bad), "--json"])
    report = json.loads(result.stdout)
    assert (result.exit_code, report["ok"]) == (1, False)
    assert [found["name"] for found in report["findings"]] == ["python", "configuration"]
    assert "nats.url" in report["findings"][1]["reason"]
    assert "hunter2" not in result.output


def test_the_configuration_is_that_of_the_rosey_up_that_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert examination.configuration(tmp_path / "a.yaml", tmp_path) == tmp_path / "a.yaml"
    assert examination.configuration(None, tmp_path) == DataDirectory(tmp_path).configuration
    assert examination.configuration(None, None) is None
