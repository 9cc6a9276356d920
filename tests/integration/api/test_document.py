"""docs/api.md: what it tells people to type does what it says."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from rosey_database import BotDatabase
from rosey_database.api.server import ApiServer
from tests.integration.api.conftest import Answered, Program
from tests.support.documents import ROOT, calls, parse

TEXT = (ROOT / "docs/api.md").read_text(encoding="utf-8")
EXAMPLES = list(calls(TEXT, "curl"))


@pytest.fixture
def header(database_file: Path, tmp_path: Path) -> Path:
    """The file that its first commands make."""
    (making,) = [line for line in TEXT.splitlines() if line.startswith("printf ")]
    command = making.replace("rosey token create", f"rosey token create --database {database_file}")
    made = subprocess.run(
        ["sh", "-c", f"umask 077; {command}"],
        cwd=tmp_path,
        env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        check=True,
    )
    assert made.stdout == b""
    file = tmp_path / "rosey.header"
    assert file.stat().st_mode & 0o077 == 0
    return file


async def fetch(program: Program, words: list[str], header: dict[str, str]) -> Answered:
    """Do what such a command of curl does, on the API of the test."""
    options: dict[str, Any] = {}
    method, address, rest = "GET", "", words[1:]
    while rest:
        word = rest.pop(0)
        if word == "-H":
            assert rest.pop(0) == "@rosey.header"
            options["headers"] = header
        elif word == "--json":
            method, options["json"] = "POST", json.loads(rest.pop(0))
        else:
            address = word
    return await program.ask(method, address.removeprefix("http://127.0.0.1:8090"), **options)


async def test_the_token_that_it_makes_is_good_for_its_examples(
    header: Path, api: ApiServer, temp_database: BotDatabase, session: aiohttp.ClientSession
) -> None:
    name, _, value = (await asyncio.to_thread(header.read_text)).strip().partition(": ")
    assert len(EXAMPLES) == 3
    for words in EXAMPLES:
        answer = await fetch(Program(session, api.url, None), words, {name: value})
        assert answer.status in (200, 202), answer.body
        assert json.loads(answer.body)["success"] is True
    (waiting,) = await temp_database.get_unsent_outbound_messages()
    assert waiting["message"] == "hello, room"


def test_what_it_types_in_containers_are_commands_of_the_service() -> None:
    inside = [words for words in calls(TEXT, "docker", "kubectl") if "rosey-database" in words]
    assert len(inside) == 2
    for words in inside:
        rest = words[words.index("rosey-database") + 1 :]
        # ``rosey token`` has the same commands and options.
        parse(rest)
        assert "--database" in rest
