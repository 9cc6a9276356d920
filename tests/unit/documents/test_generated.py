"""Generated files: written, and told of where they are not what they should be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import generated


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of generated files, with one in it that is not."""
    monkeypatch.setattr(generated, "ROOT", tmp_path)
    found = tmp_path / "made"
    found.mkdir()
    (found / "old").write_text("old")
    return found


def test_what_does_not_belong_to_a_folder_goes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["tool"])
    assert generated.write_or_compare({folder / "new": "text"}, source="it is made of", folders=[folder]) == 0
    assert {file.name: file.read_text() for file in folder.iterdir()} == {"new": "text"}


def test_a_check_changes_nothing_and_names_each_wrong_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["tool", "--check"])
    texts = {folder / "absent": "text", folder / "old": "old"}
    assert generated.write_or_compare(texts, source="it is made of", folders=[folder]) == 1
    assert capsys.readouterr().err.splitlines() == ["made/absent is not what it is made of: run `make documents`"]
    assert generated.write_or_compare({}, source="it is made of", folders=[folder]) == 1
    assert generated.write_or_compare({}, source="it is made of") == 0
    assert [file.name for file in folder.iterdir()] == ["old"]
