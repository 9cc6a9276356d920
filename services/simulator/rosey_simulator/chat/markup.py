"""From what people type to the HTML that clients get (PROTOCOL section 5, "HTML on the wire")."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser

from rosey_simulator.chat.filters import ChatFilters

_ESCAPES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "(": "&#40;", ")": "&#41;"}
)

# A scheme, then a host that ends at a slash, a bracket or a colon without a port, then a path up to white space.
LINK = re.compile(r"\w+://(?:\[[0-9a-f:]+\]|[^\s/:\[\]]+)(?::\d+)?(?:/\S*)?", re.IGNORECASE | re.ASCII)

# Stands for a link while filters run. A user may type it too: CyTube then garbles the text, and so does this.
PLACEHOLDER = "\ueeee"

_LINK_SCHEMES = ("http", "https", "ftp", "mailto", "mumble")
_TAGS = frozenset(
    """
    a abbr b blockquote br button caption center code dd del details div dl dt em font form h1 h2 h3 h4 h5 h6 hr i
    iframe img ins kbd li ol p pre q s samp small span strike strong sub summary sup table tbody td tfoot th thead
    tr tt u ul var
    """.split()  # noqa: SIM905 (a list of sixty literals is harder to read)
)
_VOID_TAGS = frozenset({"br", "hr", "img"})
_ATTRIBUTES = frozenset(
    ("class", "color", "height", "href", "id", "name", "rel", "src", "style", "target", "title", "width")
)
_SILENT_TAGS = frozenset({"script", "style", "textarea", "noscript"})


def truncated(text: str, units: int) -> str:
    """At most so many UTF-16 units of the text; half a surrogate pair becomes U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass")[: units * 2].decode("utf-16-le", "replace")


def escaped(text: str) -> str:
    """The text with everything escaped that could end up in HTML."""
    return text.translate(_ESCAPES)


def contains_link(text: str) -> bool:
    return LINK.search(text) is not None


def plain_escaped(text: str) -> str:
    """Text as a chatMsg carries it when nothing in it is special: only these three stay entities."""
    return escape(text, quote=False)


def formatted(text: str, filters: ChatFilters, *, link_urls: bool) -> str:
    """Typed text as HTML: escaped, filtered, linked, and written out anew without what is not allowed."""
    source = escaped(text)
    links = LINK.findall(source)
    result = filters.apply(LINK.sub(PLACEHOLDER, source))
    if PLACEHOLDER in result:
        waiting = iter(links)

        def restore(_: re.Match[str]) -> str:
            link = next(waiting, "")
            filtered = filters.apply(link, links_only=True)
            if filtered != link or not link_urls or not link:
                return filtered
            return f'<a href="{link}" target="_blank" rel="noopener noreferrer">{link}</a>'

        result = re.sub(PLACEHOLDER, restore, result)
    return sanitized(result)


def sanitized(html: str) -> str:
    """The HTML written out anew: allowed tags and attributes only, entities only where text needs them."""
    if "<" not in html and "&" not in html:
        return html
    writer = _Writer()
    writer.feed(html)
    writer.close()
    return writer.text()


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._open: list[str] = []
        self._silent = 0

    def text(self) -> str:
        return "".join(self._parts) + "".join(f"</{tag}>" for tag in reversed(self._open))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT_TAGS:
            self._silent += 1
        if tag not in _TAGS or self._silent:
            return
        allowed = [(name, value or "") for name, value in attrs if name in _ATTRIBUTES]
        kept = "".join(f' {name}="{escape(value)}"' for name, value in allowed if _harmless(name, value))
        if tag in _VOID_TAGS:
            self._parts.append(f"<{tag}{kept} />")
            return
        self._parts.append(f"<{tag}{kept}>")
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT_TAGS and self._silent:
            self._silent -= 1
            return
        if tag not in self._open:
            return
        while self._open:
            last = self._open.pop()
            self._parts.append(f"</{last}>")
            if last == tag:
                return

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._parts.append(plain_escaped(data))


def _harmless(name: str, value: str) -> bool:
    if name not in ("href", "src"):
        return True
    scheme, colon, _ = value.partition(":")
    return not colon or "/" in scheme or scheme.lower() in _LINK_SCHEMES
