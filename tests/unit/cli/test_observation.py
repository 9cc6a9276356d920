"""The files that a Prometheus needs for the processes of a run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rosey_cli.data_directory import DataDirectory
from rosey_cli.failure import Failure
from rosey_cli.up.child import Child
from rosey_cli.up.journal import Journal
from rosey_cli.up.observation import Observation
from rosey_cli.up.options import Options
from rosey_cli.up.programs import Service
from rosey_cli.up.start import make_plan


@pytest.fixture
async def bot(tmp_path: Path, journal: Journal) -> Child:
    """A bot that is about to be started."""
    return Child(Service("rosey-bot", configuration=tmp_path, run=tmp_path, log_file=tmp_path / "log"), journal)


def targets(path: Path) -> list[tuple[str, str]]:
    found = json.loads((path / "prometheus-targets.json").read_text())
    return [(target, entry["labels"]["job"]) for entry in found for target in entry["targets"]]


async def test_the_targets_follow_the_processes(tmp_path: Path, bot: Child) -> None:
    observation = Observation(DataDirectory(tmp_path))
    observation.begin()
    observation.update([bot])
    assert targets(tmp_path) == []
    for port in (9100, 9200):
        (tmp_path / "rosey-bot.json").write_text(json.dumps({"pid": 1, "health_url": f"http://127.0.0.1:{port}"}))
        observation.update([bot])
        assert targets(tmp_path) == [(f"127.0.0.1:{port}", "rosey-bot")]
    config = json.loads(observation.configuration.read_text())
    (job,), (rules,) = config["scrape_configs"], config["rule_files"]
    assert list(Path(rules).parent.glob(Path(rules).name))
    assert job["file_sd_configs"][0]["files"] == [str(tmp_path / "prometheus-targets.json")]
    assert str(observation.configuration) in observation.command


async def test_a_folder_that_is_gone_is_said_first_and_later_endured(tmp_path: Path, bot: Child) -> None:
    observation = Observation(DataDirectory(tmp_path / "gone"))
    with pytest.raises(Failure, match=r"prometheus\.yml cannot be written"):
        observation.begin()
    observation.update([bot])


def test_nothing_is_written_unless_it_is_asked_for() -> None:
    assert make_plan(Options(observe=True)).observed
    assert not make_plan(Options()).observed
