"""Channel keys: one channel has one key, whichever way its name is written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rosey_core import channels
from rosey_core.channels import InvalidChannelKey, channel_key, channel_keys, is_channel_key

CYTUBE_NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,30}", fullmatch=True)


@pytest.mark.parametrize("key", ["a", "lobby", "0", "a_b-c", "-", "_", "x" * 64])
def test_a_key_is_up_to_64_of_the_allowed_characters(key: str) -> None:
    assert is_channel_key(key)
    assert is_channel_key(key), "and it still is when asked again"


@pytest.mark.parametrize(
    "text",
    ["", "A", "lob by", "lobby.", "a.b", "*", ">", "é", "x" * 65, "lobby\n", "\nlobby", "a\x00", "٣"],
)
def test_anything_else_is_no_key(text: str) -> None:
    assert not is_channel_key(text)


def test_the_key_is_the_name_in_lower_case() -> None:
    assert channel_key("LobBy_2") == channel_key(" lobby_2 ") == "lobby_2"


@given(CYTUBE_NAMES)
def test_each_name_that_cytube_allows_has_a_key(name: str) -> None:
    key = channel_key(name)
    assert is_channel_key(key)
    assert channel_key(key) == channel_key(name.swapcase()) == key


@pytest.mark.parametrize("name", ["", "   ", "lob by", "a.b", "ü", "x" * 65])
def test_a_name_that_cytube_does_not_allow_is_refused(name: str) -> None:
    with pytest.raises(InvalidChannelKey):
        channel_key(name)


def test_the_refusal_shows_the_name_and_cuts_a_long_one() -> None:
    with pytest.raises(InvalidChannelKey, match="'lob by' is no channel key"):
        channel_key("lob by")
    with pytest.raises(InvalidChannelKey) as refusal:
        channel_key("!" * 100_000)
    assert len(str(refusal.value)) < 200


def test_names_from_outside_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "_CACHE", set())
    monkeypatch.setattr(channels, "_CACHE_LIMIT", 3)
    assert all(is_channel_key(f"channel{number}") for number in range(10))
    assert len(channels._CACHE) == 3
    assert is_channel_key("channel9"), "one that found no place in the cache is a key all the same"


def test_a_channel_alone_of_its_name_has_the_plain_key() -> None:
    given_channels = [("https://cytu.be", "Lobby"), ("https://other.example", "den")]
    assert channel_keys(given_channels) == {given_channels[0]: "lobby", given_channels[1]: "den"}


def test_of_two_servers_with_one_name_the_first_keeps_it() -> None:
    assert channel_keys([("https://cytu.be", "lobby"), ("https://Other.example:8443", "Lobby")]) == {
        ("https://cytu.be", "lobby"): "lobby",
        ("https://Other.example:8443", "Lobby"): "lobby-other-example-8443",
    }


def test_a_server_may_be_given_without_its_scheme() -> None:
    keys = channel_keys([("cytu.be", "lobby"), ("other.example", "lobby")])
    assert keys["other.example", "lobby"] == "lobby-other-example"


@pytest.mark.parametrize("again", ["lobby", "LOBBY"])
def test_the_same_channel_of_the_same_server_twice_is_refused(again: str) -> None:
    with pytest.raises(ValueError, match="twice"):
        channel_keys([("https://cytu.be", "lobby"), ("https://cytu.be", again)])


def test_a_channel_that_is_no_channel_is_refused() -> None:
    with pytest.raises(InvalidChannelKey):
        channel_keys([("https://cytu.be", "lob by")])


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["https://a.example", "https://b.example", "http://c.example:81"]), CYTUBE_NAMES),
        unique_by=lambda place: (place[0], place[1].lower()),
        max_size=8,
    )
)
def test_no_two_channels_share_a_key(places: list[tuple[str, str]]) -> None:
    keys = channel_keys(places)
    assert set(keys) == set(places)
    assert len(set(keys.values())) == len(places)
    assert all(map(is_channel_key, keys.values()))
