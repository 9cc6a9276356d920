"""From options to a plan."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from rosey_cli.failure import Failure
from rosey_cli.up.command import duration
from rosey_cli.up.options import Options
from rosey_cli.up.start import make_plan


@pytest.mark.parametrize(("text", "seconds"), [("20s", 20), ("1.5m", 90), ("2h", 7200), ("500ms", 0.5), ("7", 7)])
def test_a_duration_has_a_unit(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "0s", "1 week", "nan"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="like 20s"):
        duration(text)


def test_with_nothing_configured_there_is_a_crowd() -> None:
    plan = make_plan(Options(seed=7, rate=2.5))
    assert plan.site is not None
    assert plan.site.has_crowd
    assert plan.site.options[-8:] == ("demo", "--crowd", "--seed", "7", "--rate", "2.5", "--bot", "Rosey")
    assert not plan.audits


def test_a_rate_of_nothing_is_no_crowd() -> None:
    plan = make_plan(Options(rate=0))
    assert plan.site is not None
    assert not plan.site.has_crowd


def test_a_channel_of_ones_own_needs_no_simulator() -> None:
    plan = make_plan(Options(channel="lobby", seconds=5))
    assert plan.site is None
    assert [platform.channel for platform in plan.config.channels] == ["lobby"]
    assert plan.audits


def test_a_recording_is_played_at_its_speed(tmp_path: Path) -> None:
    file = tmp_path / "users.jsonl"
    file.write_text("")
    plan = make_plan(Options(recording=file, speed=10))
    assert plan.site is not None
    assert plan.site.options == ("--recording", str(file), "--speed", "10")
    assert plan.site.ends
    assert plan.audits


def test_a_report_is_not_disturbed_by_watching() -> None:
    assert not make_plan(Options(as_json=True)).watches
    assert make_plan(Options()).watches


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (Options(configs=[Path("a"), Path("b")]), "given twice"),
        (Options(recording=Path("a"), channel="lobby"), "leave --channel and --config out"),
        (Options(user="Rosey"), "belong to --channel"),
        (Options(recording=Path("/absent")), "there is no file /absent"),
        (Options(configs=[Path("/absent.json")]), "cannot be read"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options: Options, said: str) -> None:
    with pytest.raises(Failure, match=said) as failure:
        make_plan(options)
    assert failure.value.code == 2


def test_a_configuration_without_a_channel_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"version": 2, "platforms": [{"channel": "lobby", "enabled": false}]}')
    with pytest.raises(Failure, match="no channel that is enabled"):
        make_plan(Options(configs=[file]))
