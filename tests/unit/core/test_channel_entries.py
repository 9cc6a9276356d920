"""Channels that are added at run time: no secret in an entry, and none that its writer may not have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rosey_core.channel_entries import InvalidEntry, MissingSecret, Owner, decode, encode, owner_of, place, resolve

LOBBY = {"channel": "lobby"}


def test_an_entry_survives_its_way() -> None:
    entry = {**LOBBY, "user": "Rosey", "password": "${file:rosey}", "proxy": "socks5://ann:${file:proxy}@p:1080"}
    assert decode(encode(entry)) == entry


@pytest.mark.parametrize(
    "entry",
    [
        {"user": "Rosey", "password": "hush"},
        {"user": "Rosey", "password": "${HOME}"},
        {"user": "Rosey", "password": "${env:HOME}"},
        {"user": "Rosey", "password": "${file:/etc/passwd}"},
        {"user": "Rosey", "password": "${file:~/key}"},
        {"user": "Rosey", "password": "${file:a/../../key}"},
        {"user": "Rosey", "password": "${file:a}${file:b}"},
        {"user": "Rosey", "password": ["hush"]},
        {"channel_password": "hush"},
        {"proxy": "socks5://ann:hush@p:1080"},
        {"proxy": "socks5://ann:${env:HOME}@p:1080"},
        {"proxy": "http://${HOME}:1080"},
        {"proxy": "http://[p:1080"},
    ],
)
def test_a_secret_must_stand_where_the_operator_put_it(entry: dict[str, Any]) -> None:
    with pytest.raises(InvalidEntry, match="elsewhere") as caught:
        encode({**LOBBY, **entry})
    assert "hush" not in str(caught.value)
    with pytest.raises(InvalidEntry):
        decode(json.dumps({**LOBBY, **entry}).encode())


@pytest.mark.parametrize(
    ("payload", "problem"),
    [
        (b"", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "channel: Field required"),
        (b'{"channel": 5}', "channel: should be"),
        (b'{"channel": "no such name"}', "channel: should be the name"),
        (b'{"channel": "a", "color": 1}', "color: Extra"),
        (b'{"channel": "a", "proxy": "ftp://p:1"}', "proxy: should be"),
        (b'{"channel": "a", "owner": "me"}', "owner: should tell"),
        (b'{"channel": "a", "owner": {"generation": "1"}}', "owner: should tell"),
    ],
)
def test_what_is_no_entry_is_refused_in_words(payload: bytes, problem: str) -> None:
    with pytest.raises(InvalidEntry, match=problem):
        decode(payload)


def test_an_owner_is_kept_and_the_bot_passes_over_it(tmp_path: Path) -> None:
    owner = {"kind": "CytubeChannel", "namespace": "rosey", "name": "lobby", "uid": "u-1", "generation": 3}
    payload = encode({**LOBBY, "owner": {**owner, "newer": True}})
    assert owner_of(decode(payload)) == Owner(**owner)  # type: ignore[arg-type]
    assert owner_of(LOBBY) is None
    assert resolve("lobby", payload, {}, tmp_path) == resolve("lobby", encode(LOBBY), {}, tmp_path)
    assert place(decode(payload)) == ("https://cytu.be", "lobby")


def test_references_are_resolved_where_the_bot_is(tmp_path: Path) -> None:
    (tmp_path / "rosey").write_text("hush\n")
    entry = {
        "channel": "Lobby",
        "user": "Rosey",
        "password": "${file:rosey}",
        "channel_password": "${env:ROSEY_SECRET_DOOR}",
        "proxy": "http://ann:${file:rosey}@p:3128",
    }
    platform = resolve("lobby-host", encode(entry), {"ROSEY_SECRET_DOOR": "sesame"}, tmp_path)
    assert platform.key == "lobby-host"
    assert platform.secrets() == {"hush", "sesame", "http://ann:hush@p:3128"}
    assert "hush" not in repr(platform)


def test_the_whole_address_of_a_proxy_may_stand_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "proxy").write_text("socks5://ann:hush@p:1080")
    platform = resolve("lobby", encode({**LOBBY, "proxy": "${file:proxy}"}), {}, tmp_path)
    assert platform.secrets() == {"hush", "socks5://ann:hush@p:1080"}
    (tmp_path / "proxy").write_text("hush")
    with pytest.raises(InvalidEntry, match="proxy: should be the address of a proxy") as caught:
        resolve("lobby", encode({**LOBBY, "proxy": "${file:proxy}"}), {}, tmp_path)
    assert "hush" not in str(caught.value)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingSecret, match=r"password: the file .*rosey.* cannot be read"):
        resolve("lobby", encode({**LOBBY, "user": "Rosey", "password": "${file:rosey}"}), {}, tmp_path)


def test_a_key_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidEntry, match="no channel key"):
        resolve("Lobby.x", encode(LOBBY), {}, tmp_path)
