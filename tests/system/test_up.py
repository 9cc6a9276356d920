"""``rosey up``: begins with nothing, ends with nothing left behind, and loses nothing in between.

Each run takes seconds, so each test shows several things: that Ctrl-C ends everything, too, is in the one that kills
processes before it, and SIGHUP is in the one whose terminal is closed and in the one whose configuration changes.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rosey_cli.data_directory import DataDirectory
from rosey_simulator.crowd.record import read
from rosey_simulator.crowd.summary import summarize
from tests.system.rosey import RoseyUp, run_rosey

Start = Callable[..., RoseyUp]
RECORDINGS = Path(__file__).parent.parent / "fixtures" / "recordings"
PROCESSES = {"nats-server", "rosey-database", "rosey-bot", "rosey-simulator"}


def test_it_stores_what_happens_and_says_so_in_one_json_object(rosey_up: Start) -> None:
    rosey = rosey_up("--for", "3s", "--json", "--rate", "30")
    assert rosey.wait() == 0, rosey.errors + rosey.output
    report = rosey.report()
    assert report["stored"] > 0
    assert report["published"] == report["stored"]
    assert (report["lost"], report["doubled"], report["findings"]) == (0, 0, [])
    assert set(report["processes"]) == PROCESSES
    for process in report["processes"].values():
        assert process["rss_max_mb"] > 1
        assert process["restarts"] == 0
    assert 0 < report["frame_to_row_ms"]["p50"] <= report["frame_to_row_ms"]["p99"]
    assert rosey.left_behind() == []
    # The crowd has written down what it said, and the report rests on it.
    said = summarize(read(rosey.directory.crowd_record), "demo", "Rosey").lines
    assert rosey.rows("SELECT count(*) FROM recent_chat") == [(len(said),)]
    assert len(said) > 5


def test_a_signal_while_it_starts_ends_it_too(rosey_up: Start) -> None:
    rosey = rosey_up()
    rosey.wait_until(rosey.left_behind, "the first process")
    rosey.send(signal.SIGTERM)
    assert rosey.wait() == 0, rosey.output + rosey.errors
    assert rosey.left_behind() == []


def test_a_closed_terminal_ends_it(rosey_up: Start) -> None:
    rosey = rosey_up(terminal=True)
    shown = ""
    while "events/s" not in shown or "rosey-database" not in shown:
        shown += rosey.read_terminal()
    rosey.close_terminal()
    assert rosey.wait() == 0
    assert rosey.left_behind() == []


def test_killed_it_leaves_no_process_and_started_again_it_carries_on(rosey_up: Start) -> None:
    killed = rosey_up()
    before = killed.wait_stored()
    running = killed.running
    assert running is not None
    assert set(running.processes) == PROCESSES
    killed.send(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    # At once: what the first left is ending while the second begins.
    again = rosey_up("--for", "1s", "--json")
    killed.wait_for_nobody(running)
    assert again.wait() == 0, again.errors + again.output
    assert again.position() > before
    report = again.report()
    assert (report["lost"], report["doubled"]) == (0, 0), report
    assert report["published"] < again.position(), "the stream of the first run is still there"


def test_a_killed_process_is_started_again_and_nothing_is_lost(rosey_up: Start) -> None:
    rosey = rosey_up("--json")
    position = rosey.wait_stored()
    for name in ("nats-server", "rosey-database", "rosey-bot"):
        pid = rosey.child(name)
        os.kill(pid, signal.SIGKILL)
        rosey.wait_restarted(name, pid)
        position = rosey.wait_stored(position)
    rosey.send(signal.SIGINT)
    code = rosey.wait()
    report = rosey.report()
    assert (report["lost"], report["doubled"], report["findings"]) == (0, 0, []), rosey.errors
    assert report["stored"] == report["published"] == rosey.position()
    assert {name for name, process in report["processes"].items() if process["restarts"]} == {
        "nats-server",
        "rosey-database",
        "rosey-bot",
    }
    assert code == 0
    assert rosey.left_behind() == []
    assert not rosey.directory.is_held()


def test_a_recording_is_played_to_its_end_and_stored(rosey_up: Start) -> None:
    rosey = rosey_up("--recording", str(RECORDINGS / "server_restart.jsonl"), "--speed", "50", "--json")
    assert rosey.wait() == 0, rosey.errors + rosey.output
    report = rosey.report()
    assert (report["lost"], report["doubled"]) == (0, 0), report
    lines = set()
    for row in map(json.loads, (RECORDINGS / "server_restart.jsonl").read_text().splitlines()):
        if row["event"] == "chatMsg" and row["client"] == "bot" and not row["args"][0]["username"].startswith("["):
            lines.add((row["args"][0]["time"] // 1000, row["args"][0]["username"]))
    stored = set(rosey.rows("SELECT timestamp, username FROM recent_chat"))
    assert len(lines) > 5
    assert stored == lines


def test_two_on_one_data_directory_are_refused(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data")
    directory.acquire()
    second = run_rosey(tmp_path, ["up", "--data", str(directory.path)])
    directory.release()
    assert second.returncode == 1
    assert f"another rosey (process {os.getpid()}) is at work on {directory.path}" in second.stderr
    assert "--data DIR" in second.stderr
    assert second.stdout == ""


def test_a_change_of_its_configuration_is_handed_on_and_a_broken_one_is_told(rosey_up: Start, tmp_path: Path) -> None:
    file = tmp_path / "rosey.json"
    config: dict[str, Any] = {"version": 2, "platforms": [{"channel": "lobby", "server": "http://127.0.0.1:1"}]}

    def change(**settings: Any) -> None:
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(config | settings))
        draft.replace(file)

    change(bot={"user_cooldown": 5})
    rosey = rosey_up(str(file))
    rosey.wait_until(lambda: "cannot reach http://127.0.0.1:1" in rosey.output, "the bot is at work")
    change(bot={"user_cooldown": 7, "spool_max_bytes": "9MB"})
    rosey.wait_until(lambda: "configuration: reloaded: bot.user_cooldown" in rosey.output, "the bot has the change")
    rosey.wait_until(lambda: "after a restart only: bot.spool_max_bytes" in rosey.output, "what waits is told")
    rosey.send(signal.SIGHUP)
    rosey.wait_until(lambda: "the configuration is read again" in rosey.output, "it is asked to look")
    change(bot={"user_cooldown": "much"})
    rosey.wait_until(lambda: "the one before stays in force" in rosey.output, "the broken one is told")
    assert "bot.user_cooldown" in rosey.output.rpartition("the one before stays in force")[2]
    rosey.send(signal.SIGTERM)
    assert rosey.wait() == 0
