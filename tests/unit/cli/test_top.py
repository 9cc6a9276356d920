"""What ``rosey top`` makes of a look at a Rosey."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from typer.testing import CliRunner

from rosey_cli.data_directory import health_urls
from rosey_cli.main import app
from rosey_cli.top.view import as_lines, as_object, picture
from rosey_cli.up.output import summary
from tests.unit.cli.snapshots import busy


def drawn(snapshot: object, height: int = 40) -> list[str]:
    console = Console(width=100, height=height, record=True, force_terminal=True, color_system=None, file=None)
    with console.capture() as capture:
        console.print(picture(snapshot, "nats://here"))  # type: ignore[arg-type]
    return capture.get().splitlines()


def test_what_is_wrong_now_stands_on_top() -> None:
    wrong = replace(busy(), problems=[f"problem \x1b[31m{number}" for number in range(9)])
    lines = drawn(wrong)
    assert "wrong now" in lines[0]
    assert "problem" in lines[1]
    assert any("and 3 more" in line for line in lines)
    assert not any("\x1b[31m" in line for line in lines)
    assert any("Alice" in line for line in lines)
    assert "wrong now" not in "".join(drawn(replace(busy(), problems=())))
    assert as_lines(wrong)[0] == "WRONG: problem \\x1b[31m0"
    assert any(line.startswith("rosey-bot: unready") for line in as_lines(wrong))


def test_what_nobody_tells_is_not_shown_as_nothing() -> None:
    unknown = replace(busy(), published=None, stored=None)
    assert "stored" not in summary(unknown)
    assert "12.3 events/s" in summary(unknown)
    path = " ".join(drawn(unknown))
    assert " published" not in path
    told = as_object(unknown)
    assert (told["published"], told["stored"], told["waiting"], told["held"]) == (None, None, None, None)
    assert (as_object(busy())["waiting"], as_object(busy())["held"]) == (4, 5)


def test_the_object_is_json_and_says_whether_all_is_well() -> None:
    told = json.loads(json.dumps(as_object(busy())))
    assert told["ok"] is False
    assert told["channels"]["lobby"] == {"users": 2, "connected": 3, "playing": "Big Buck Bunny"}
    assert told["frame_to_row_ms"]["p95"] == 3.25
    assert as_object(replace(busy(), problems=()))["ok"] is True


def test_the_processes_of_a_rosey_up_are_found(tmp_path: Path) -> None:
    (tmp_path / "rosey-bot.json").write_text('{"pid": 1, "health_url": "http://127.0.0.1:1"}')
    (tmp_path / "rosey-database.json").write_text("half writ")
    (tmp_path / "rosey-other.json").write_text('{"version": 2}')
    assert health_urls(tmp_path) == {"http://127.0.0.1:1": "rosey-bot"}
    assert health_urls(tmp_path / "nowhere") == {}


def test_what_is_no_address_is_refused() -> None:
    result = CliRunner().invoke(app, ["top", "--once", "--metrics", "localhost:9100", "--nats", "nats://127.0.0.1:1"])
    assert result.exit_code == 2
    assert "no address like" in result.stderr
