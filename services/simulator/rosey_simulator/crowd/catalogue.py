"""What people put on the playlist."""

from __future__ import annotations

import random
from typing import Any

from rosey_simulator.playlist.media import Media

SHORTEST_SECONDS = 20
LONGEST_SECONDS = 420
TITLES = 120

_TITLE_WORDS = """
    Return Night Planet Dance Lost Weekend Robot Garden Theme Live Session Best Of Official Trailer Part City Rain
""".split()  # noqa: SIM905 (a list of so many literals is harder to read)
_DECORATION = ("", "", "", " (1987)", " <HD> & more", ' "Director\'s Cut"', " 🎬", " – " + "very long title " * 8)


class Catalogue:
    """Videos that the site can look up, and streams that need no look-up."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(f"{seed}/catalogue")
        self.videos = [self._video(chance, number) for number in range(TITLES)]

    def request(self, chance: random.Random, *, live: bool) -> dict[str, Any]:
        """What a client asks for, without position: {id, type} and, for streams, perhaps {duration, title}."""
        if not live:
            video = chance.choice(self.videos)
            return {"id": video.id, "type": video.type}
        number = chance.randrange(40)
        request: dict[str, Any] = chance.choice(
            (
                {"type": "tw", "id": f"streamer{number}"},
                {"type": "hl", "id": f"https://example.org/{number}.m3u8"},
                {"type": "li", "id": f"{number};{number}"},
                {"type": "rt", "id": f"rtmp://example.org/{number}"},
            )
        )
        if chance.random() < 0.7:
            request = {**request, "duration": chance.randint(SHORTEST_SECONDS, LONGEST_SECONDS)}
        return request

    @staticmethod
    def _video(chance: random.Random, number: int) -> Media:
        words = " ".join(chance.choice(_TITLE_WORDS) for _ in range(chance.randint(2, 5)))
        return Media(
            id=f"v{number:04}",
            title=words + chance.choice(_DECORATION),
            seconds=chance.randint(SHORTEST_SECONDS, LONGEST_SECONDS),
            type=chance.choice(("yt", "yt", "yt", "vi", "dm")),
        )
