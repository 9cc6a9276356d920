"""``rosey token``, and ``rosey-database token``, which is the same in a container."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rosey_cli.data_directory import DataDirectory
from rosey_cli.main import app
from rosey_database import BotDatabase, __main__, token_command
from rosey_database.tables import tokens
from tests.unit.database.originals import EARLY, EARLY_ROWS, make


def by_rosey(words: list[str], given: str) -> tuple[int, str, str]:
    result: Result = CliRunner().invoke(app, ["token", *words], input=given)
    return result.exit_code, result.stdout, result.stderr


def by_the_service(words: list[str], given: str) -> tuple[int, str, str]:
    program = [str(Path(sys.executable).with_name("rosey-database")), "token", *words]
    done = subprocess.run(program, check=False, input=given, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


Token = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def token(database_file: Path) -> Token:
    """Run ``rosey token`` on the test's database: exit code, output, errors."""

    async def run(*words: str, given: str = "") -> tuple[int, str, str]:
        # Beside the loop of the test, since it has one of its own.
        return await asyncio.to_thread(by_rosey, [*words, "--database", str(database_file)], given)

    return run


async def test_a_token_is_made_listed_and_revoked_while_the_service_has_the_database(
    temp_database: BotDatabase, token: Token
) -> None:
    await temp_database.user_joined("Ann")
    code, made, said = await token("create", "--description", "the web page")
    assert (code, len(made), made[-1]) == (0, 44, "\n")
    assert "this once" in said
    assert made.strip() not in said
    assert await temp_database.validate_api_token(made.strip())
    code, listed, _ = await token("list")
    assert (code, made.strip() in listed) == (0, False)
    assert [line.split()[0] for line in listed.splitlines()] == ["TOKEN", f"{made[:8]}..."]
    assert listed.rstrip().endswith("the web page")
    assert (await token("revoke", f"{made[:8]}..."))[0] == 0
    assert not await temp_database.validate_api_token(made.strip())
    assert "never" not in (await token("list", "--all"))[1]
    assert (await token("list", "--all"))[1].rstrip().endswith("the web page (revoked)")
    assert len((await token("list"))[1].splitlines()) == 1
    user = await temp_database.get_user_stats("Ann")
    assert user is not None
    assert user["current_session_start"] is not None, "nobody left the room for it"


async def test_a_token_may_only_read_where_that_is_asked_for(temp_database: BotDatabase, token: Token) -> None:
    _, made, said = await token("create", "--description", "a page", "--read-only")
    assert "post" not in said
    found = await temp_database.find_api_token(made.strip())
    assert found is not None
    assert found.read_only
    both = await temp_database.find_api_token(await temp_database.generate_api_token("a bot"))
    assert both is not None
    assert not both.read_only
    _, listed, _ = await token("list")
    assert sorted(line.split(maxsplit=4)[-1] for line in listed.splitlines()[1:]) == [
        "read        a page",
        "read, post  a bot",
    ]


async def test_a_whole_token_is_read_from_standard_input_and_refused_on_the_command_line(
    temp_database: BotDatabase, token: Token
) -> None:
    made = await temp_database.generate_api_token("a program")
    code, out, said = await token("revoke", made)
    assert (code, out) == (1, "")
    assert "no token belongs there" in said
    assert made not in said
    assert await temp_database.validate_api_token(made)
    assert (await token("revoke", "-", given=f"{made}\n"))[0] == 0
    assert not await temp_database.validate_api_token(made)


async def test_what_cannot_be_done_is_said(token: Token, database_file: Path, tmp_path: Path) -> None:
    assert "no token in use begins like this" in (await token("revoke", "abcdefgh"))[2]
    assert "no token in use begins like this" in (await token("revoke", "-", given="\n"))[2]
    assert "say in 1 to 200 characters" in (await token("create", "--description", " "))[2]
    absent = str(tmp_path / "absent.db")
    assert await asyncio.to_thread(by_rosey, ["list", "--database", absent], "") == (
        1,
        "",
        f"rosey: there is no file {absent}\n",
    )
    assert "absent.db" not in os.listdir(tmp_path)


def test_another_file_is_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").write_text("no database" * 100)
    assert by_rosey(["list", "--database", str(tmp_path / "text")], "")[0] == 1
    assert by_rosey(["list", "--database", str(tmp_path)], "")[0] == 1
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert "say which database" in by_rosey(["list"], "")[2]


async def test_a_beginning_that_several_have_revokes_none(
    temp_database: BotDatabase, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = iter(["same-beginning-" + letter * 30 for letter in "ab"])
    with monkeypatch.context() as patch:
        patch.setattr(tokens, "new_token", lambda: next(made))
        both = [await temp_database.generate_api_token() for _ in range(2)]
    assert "2 tokens begin with" in (await token("revoke", "same-beg"))[2]
    assert [await temp_database.validate_api_token(one) for one in both] == [True, True]


async def test_a_description_cannot_move_the_cursor(token: Token) -> None:
    assert (await token("create", "--description", "web\x1b[2J\npage"))[0] == 0
    assert "\x1b" not in (await token("list"))[1]
    assert len((await token("list"))[1].splitlines()) == 2


def test_it_upgrades_no_database(tmp_path: Path) -> None:
    file = make(tmp_path / "bot_data.db", EARLY, EARLY_ROWS)
    before = file.read_bytes()
    assert "not of this version" in by_rosey(["create", "--description", "x", "--database", str(file)], "")[2]
    assert file.read_bytes() == before


def test_the_database_of_a_data_directory_is_found(database_file: Path, tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    data.path.mkdir()
    database_file.rename(data.database)
    assert by_rosey(["list", "--data", str(data.path)], "")[0] == 0


async def test_the_service_s_own_program_does_the_same(temp_database: BotDatabase, database_file: Path) -> None:
    words = ["create", "--database", str(database_file), "--description", "a program"]
    code, made, said = await asyncio.to_thread(by_the_service, words, "")
    assert (code, len(made)) == (0, 44), said
    assert await temp_database.validate_api_token(made.strip())


def test_it_takes_the_same_words(
    database_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*words: str) -> int:
        monkeypatch.setattr(sys, "argv", ["rosey-database", "token", *words, "--database", str(database_file)])
        return __main__.main()

    assert run("create", "--description", "a program", "--read-only") == 0
    made = capsys.readouterr().out.strip()
    assert run("list", "--all") == 0
    assert made[:8] in capsys.readouterr().out
    assert run("revoke", made) == 1
    assert "no token belongs there" in capsys.readouterr().err
    assert run("revoke", made[:8]) == 0
    assert run("revoke", made[:8]) == 1
    with pytest.raises(SystemExit):
        token_command.main(["create", "--database", str(database_file)])
