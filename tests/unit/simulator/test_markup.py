from __future__ import annotations

import pytest

from rosey_simulator.chat.filters import ChatFilter, ChatFilters, FilterError, default_filters
from rosey_simulator.chat.markup import contains_link, formatted, sanitized, truncated


def shown(text: str, filters: ChatFilters | None = None, *, link_urls: bool = True) -> str:
    return formatted(text, filters or ChatFilters(default_filters()), link_urls=link_urls)


@pytest.mark.parametrize(
    ("typed", "wire"),
    [
        ("plain", "plain"),
        ("<b> & \"q\" 's' (p)", "&lt;b&gt; &amp; \"q\" 's' (p)"),
        ("&lt;", "&amp;lt;"),
        ("*a* _b_ `c` ~~d~~", "<strong>a</strong> <em>b</em> <code>c</code> <s>d</s>"),
        ("[sp]x[/sp]", '<span class="spoiler">x</span>'),
        ("snake_case_name", "snake<em>case</em>name"),
        ("www.example.com", "www.example.com"),
    ],
)
def test_text_on_the_wire(typed: str, wire: str) -> None:
    assert shown(typed) == wire


def test_a_link_is_left_alone_by_filters_and_takes_what_follows_it() -> None:
    url = "http://example.com/a_b_c)"
    anchor = f'<a href="{url}" target="_blank" rel="noopener noreferrer">{url}</a>'
    assert shown(f"({url} _x_") == f"({anchor} <em>x</em>"


def test_a_scheme_that_may_run_code_has_no_target() -> None:
    assert "href" not in shown("javascript://alert(1)")


def test_links_stay_text_where_the_option_is_off() -> None:
    assert shown("http://example.com/a_b_c", link_urls=False) == "http://example.com/a_b_c"


def test_a_filter_for_links_takes_the_link_away() -> None:
    filters = ChatFilters([ChatFilter("x", "secret", "gi", "XX", filterlinks=True)])
    assert shown("http://example.com/SECRET", filters) == "http://example.com/XX"


def test_an_inactive_filter_does_nothing() -> None:
    assert shown("abc", ChatFilters([ChatFilter("x", "b", "g", "-", active=False)])) == "abc"


def test_a_filter_without_g_replaces_once() -> None:
    assert shown("bb", ChatFilters([ChatFilter("x", "b", "", "-")])) == "-b"


def test_filters_are_added_replaced_and_removed_by_name() -> None:
    filters = ChatFilters()
    filters.put(ChatFilter("x", "a", "g", "b"))
    filters.put(ChatFilter("x", "a", "g", "c"))
    assert filters.apply("a") == "c"
    assert filters.remove("x")
    assert not filters.remove("x")


@pytest.mark.parametrize("source", ["(", "[", "*"])
def test_a_filter_that_is_no_regular_expression_is_refused(source: str) -> None:
    with pytest.raises(FilterError, match="Invalid regex"):
        ChatFilter("x", source, "g", "y")


def test_a_filter_without_a_name_is_refused() -> None:
    with pytest.raises(FilterError):
        ChatFilter.from_json({"source": "a", "flags": "g", "replace": "b"})


def test_sanitised_html_keeps_tags_and_drops_scripts() -> None:
    source = "<b>a<i>b</b> <script>x</script><br><a href='javascript:x' onclick='y'>l</a><blink>z</blink>"
    assert sanitized(source) == "<b>a<i>b</i></b> <br /><a>l</a>z"


def test_an_emoji_cut_in_half_becomes_a_replacement_character() -> None:
    assert truncated("ab😀", 3) == "ab�"
    assert truncated("ab😀", 4) == "ab😀"
    assert truncated("\ud800", 4) == "�"


def test_links_are_found_in_plain_text() -> None:
    assert contains_link("see https://example.com")
    assert not contains_link("see example.com")
