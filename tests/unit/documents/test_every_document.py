"""What any document tells people to type is a command, and what it names is there."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from pydantic import BaseModel

from rosey_core import events, queries, subjects
from rosey_core.config.models import Config
from tests.support.documents import DOCUMENTS, ROOT, UsageError, calls, is_command, mentioned, parse

_FOLDERS: Final = {path.name for path in ROOT.iterdir() if path.is_dir()}
_PATH: Final = re.compile(r"[\w.-]+(/[\w.*{},-]+)+/?")
_TARGETS: Final = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
_ALTERNATIVE: Final = re.compile(r"\{([^{}]*)\}")


def settings(section: type[BaseModel], at: str = "") -> Iterator[str]:
    """All settings, and sections of settings, by their dotted keys."""
    for name, field in section.model_fields.items():
        yield f"{at}{name}"
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings(field.annotation, f"{at}{name}.")


def values(section: dict[str, Any], at: str = "") -> Iterator[str]:
    """The same of the chart's."""
    for name, value in section.items():
        yield f"{at}{name}"
        if isinstance(value, dict):
            yield from values(value, f"{at}{name}.")


SETTINGS: Final = set(settings(Config))
SECTIONS: Final = {key.partition(".")[0] for key in SETTINGS if "." in key}
VALUES: Final = set(values(yaml.safe_load((ROOT / "charts/rosey/values.yaml").read_text())))
PUBLISHED: Final = (*subjects.EVENTS, subjects.OUTBOUND_WAITING)


def found(name: Callable[[str], Iterator[object]]) -> list[object]:
    """What ``name`` finds in all documents, as parameters that name the document."""
    return [
        pytest.param(thing, id=f"{document.relative_to(ROOT)}: {thing}")
        for document in DOCUMENTS
        for thing in name(document.read_text(encoding="utf-8"))
    ]


def spelt_out(pattern: str) -> Iterator[str]:
    """A pattern with ``{one,other}``, with each of them."""
    alternative = _ALTERNATIVE.search(pattern)
    if alternative is None:
        yield pattern
        return
    for one in alternative[1].split(","):
        yield from spelt_out(pattern[: alternative.start()] + one + pattern[alternative.end() :])


def rosey(text: str) -> Iterator[str]:
    return (shlex.join(words[1:]) for words in calls(text, "rosey"))


def rosey_within(text: str) -> Iterator[str]:
    return (code.removeprefix("rosey ") for code in mentioned(text) if code.startswith("rosey "))


def targets(text: str) -> Iterator[str]:
    yield from (shlex.join(words[1:]) for words in calls(text, "make"))
    yield from (code.removeprefix("make ") for code in mentioned(text) if code.startswith("make "))


def nats(text: str) -> Iterator[str]:
    return (shlex.join(words[1:]) for words in calls(text, "nats") if words[1] in ("pub", "req", "sub"))


def modules(text: str) -> Iterator[str]:
    for words in [*calls(text, "python", "python3"), *(code.split() for code in mentioned(text))]:
        if "-m" in words[:2]:
            yield words[words.index("-m") + 1]


def paths(text: str) -> Iterator[str]:
    for code in mentioned(text):
        if _PATH.fullmatch(code) and (code.partition("/")[0] in _FOLDERS or code.startswith("rosey_")):
            yield code


def keys(text: str) -> Iterator[str]:
    for code in mentioned(text):
        if re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", code) and code.partition(".")[0] in SECTIONS:
            yield code


@pytest.mark.parametrize("command", found(rosey))
def test_each_command_of_rosey_is_one(command: str) -> None:
    parse(shlex.split(command))


@pytest.mark.parametrize("command", found(rosey_within))
def test_each_command_within_a_sentence_exists(command: str) -> None:
    assert is_command(command.split())


@pytest.mark.parametrize("command", found(targets))
def test_each_target_of_make_exists_and_takes_its_options(command: str) -> None:
    for word in shlex.split(command):
        variable, equals, value = word.partition("=")
        if not equals:
            assert word in _TARGETS
        elif variable == "ARGS" and command.startswith("run "):
            parse(["up", *shlex.split(value)])


@pytest.mark.parametrize("command", found(nats))
def test_each_subject_is_one_and_its_payload_fits(command: str) -> None:
    verb, subject, *payload = shlex.split(command)
    if verb == "pub":
        events.decode(subject, payload[0].encode())
    elif verb == "req":
        template = next(known for known in subjects.REQUESTS if subject.startswith(known))
        queries.decode(template, subject, payload[0].encode())
    else:
        assert any(known.startswith(subject.removesuffix(">").rpartition(".")[0]) for known in PUBLISHED)


@pytest.mark.parametrize("module", found(modules))
def test_each_module_that_is_run_is_there(module: str) -> None:
    assert importlib.util.find_spec(module) is not None


@pytest.mark.parametrize("path", found(paths))
def test_each_path_is_there(path: str) -> None:
    for pattern in spelt_out(path.rstrip("/").replace("NAME", "*")):
        assert [*ROOT.glob(pattern), *ROOT.glob(f"services/*/{pattern}"), *ROOT.glob(f"services/{pattern}")], pattern


@pytest.mark.parametrize("key", found(keys))
def test_each_setting_is_one_of_the_configuration_or_of_the_chart(key: str) -> None:
    assert key in SETTINGS or key in VALUES


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_each_link_leads_somewhere(document: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", document.read_text(encoding="utf-8")):
        path, _, heading = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        assert target.exists(), link
        assert not heading or heading in headings(target), link


def headings(document: Path) -> set[str]:
    """The headings of a document as links name them."""
    titles = re.findall(r"^#+ +(.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("index", ["README.md", "docs/README.md"])
def test_the_index_leads_to_each_document(index: str) -> None:
    leads = {
        (ROOT / index).parent.joinpath(link.partition("#")[0]).resolve()
        for link in re.findall(r"\]\(([^)]+)\)", (ROOT / index).read_text(encoding="utf-8"))
    }
    wanted = {*(ROOT / "docs").glob("*.md"), *(ROOT / "docs/deploy").glob("*.md"), ROOT / "docs/runbooks"}
    assert wanted - leads - {ROOT / index} == set()


def test_there_is_something_to_test() -> None:
    assert len(found(rosey)) > 40
    assert len(found(targets)) > 50
    assert len(found(nats)) > 25
    assert len(found(paths)) > 60
    assert len(found(keys)) > 100


@pytest.mark.parametrize("wrong", ["nonsense", "channel nonsense", "stats --nonsense", "user", "stats --channel"])
def test_what_is_no_command_would_be_noticed(wrong: str) -> None:
    with pytest.raises((KeyError, UsageError)):
        parse(shlex.split(wrong))
