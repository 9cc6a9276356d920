"""What people say: lines of all the kinds that CyTube changes on their way, or a careless client gets wrong."""

from __future__ import annotations

import random

_WORDS = """
    this movie is great wait what lol who picked that one again brb popcorn tonight next song classic scene skip it
    please no way audio is out of sync for me same here the best part comes now anyone seen the sequel
""".split()  # noqa: SIM905 (a list of so many literals is harder to read)
_EMOJI = ("😀", "🍿", "🎬", "👩‍🚀", "🇩🇪", "❤️", "🔥", "\u200b", "日本語", "ﷺ", "é")
_MARKED = (
    "*so* good",
    "_really_ now",
    "look at snake_case_name and 2*3*4",
    "`rm -rf /` they said",
    "~~never~~ always",
    "it was [sp]the butler[/sp] all along",
    "**",
    "__init__ is not a name",
)
_MARKUP_LIKE = (
    '<b>bold</b> claims & "quotes" aren\'t tags',
    "1 < 2 && 3 > 2",
    "hi &lt;3 and &amp;amp; as typed",
    "<script>alert('x')</script>",
    "a<b>c",
    "</div><!-- -->",
    "&#39;&nbsp;&copy;",
)
_LINKS = (
    "https://example.org/watch?v=a_b_c&t=10",
    "see http://example.org/(x)_y and www.example.org",
    "ftp://files.example.org/a*b*c",
    "javascript://nothing",
    "(https://example.org/path)",
)
_ODD = ("tabs\tand\nnewlines", "\x01\x02control", "ends with blanks   ", "/unknown command", "/me waves", "//", "!")
_LIMIT = 320


class Sayings:
    """Lines, made up one after the other from a source of chance."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def line(self) -> str:
        """The next line; now and then blank, too long, or with something in it that filters change."""
        chance = self._chance
        kind = chance.random()
        if kind < 0.6:
            return self._words(chance.randint(1, 9))
        if kind < 0.68:
            return ">" + self._words(chance.randint(1, 6))
        if kind < 0.76:
            return f"{self._words(2)} {chance.choice(_EMOJI)}{chance.choice(_EMOJI)}"
        if kind < 0.83:
            return f"{self._words(1)} {chance.choice(_MARKED)}"
        if kind < 0.9:
            return f"{chance.choice(_MARKUP_LIKE)} {self._words(2)}"
        if kind < 0.95:
            return f"{self._words(2)} {chance.choice(_LINKS)}"
        if kind < 0.98:
            return self._long()
        if kind < 0.995:
            return chance.choice(_ODD)
        return chance.choice(("", "   ", "\n", "\u00a0"))

    def reason(self) -> str:
        """Why somebody is kicked."""
        return self._words(self._chance.randint(0, 4))

    def _words(self, count: int) -> str:
        return " ".join(self._chance.choice(_WORDS) for _ in range(count))

    def _long(self) -> str:
        length = self._chance.choice((_LIMIT - 1, _LIMIT, _LIMIT + 1, 2 * _LIMIT))
        text = self._words(length // 3)[: length - 1]
        # What stands across the limit is two UTF-16 units long half of the time, and one unit that becomes five else.
        return text + self._chance.choice(("😀", "&")) * 3
