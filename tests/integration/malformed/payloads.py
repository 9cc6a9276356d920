"""Malformed payloads for every subject: seeded, of each kind of wrongness."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from rosey_core import subjects

VALID: Final[dict[str, dict[str, Any]]] = {
    subjects.USER_JOINED: {"username": "Ann"},
    subjects.USER_LEFT: {"username": "Ann"},
    subjects.USER_PRESENT: {"users": [{"username": "Ann", "rank": 2, "afk": False}]},
    subjects.MESSAGE_LOG: {"username": "Ann", "message": "hi"},
    subjects.USER_COUNT: {"chat_count": 3, "connected_count": 5},
    subjects.HIGH_WATER: {"chat_count": 3, "connected_count": 5},
    subjects.STATUS_UPDATE: {"status_data": {"bot_name": "Rosey", "playlist_items": 3}},
    subjects.MEDIA_PLAYED: {"title": "A film", "type": "yt", "id": "abc", "duration": 60, "queued_by": "Ann"},
    subjects.MEDIA_ENDED: {"skipped": True},
    subjects.PLAYLIST_CHANGED: {"action": "queued", "item": {"uid": 1}, "by": "Ann"},
    subjects.OUTBOUND_MARK_SENT: {"message_id": 1},
    subjects.OUTBOUND_MARK_FAILED: {"message_id": 1, "error": "no", "permanent": False},
    subjects.PM_COMMAND: {"username": "Ann", "command": "stats", "args": "", "result": "pending"},
    subjects.OUTBOUND_ENQUEUE: {"message": "hello"},
    subjects.OUTBOUND_CLAIM: {"limit": 5},
    subjects.OUTBOUND_GET: {"limit": 5, "max_retries": 3},
    subjects.RECENT_CHAT_GET: {"limit": 5},
    subjects.QUERY_CHANNEL_STATS: {"channel": "lobby"},
    subjects.QUERY_USER_STATS: {"username": "Ann"},
    subjects.QUERY_COUNT_HISTORY: {"hours": 24},
    subjects.QUERY_RECENT_MESSAGES: {"limit": 5, "offset": 0},
    subjects.QUERY_AUDIT: {"limit": 5},
    subjects.QUERY_MEDIA_HISTORY: {"limit": 5},
    subjects.QUERY_STATUS: {"channel": "lobby"},
    subjects.QUERY_BAD_REQUESTS: {"limit": 5},
}

Maker = Callable[[random.Random, dict[str, Any]], bytes]


def _wrong_types(rng: random.Random, valid: dict[str, Any]) -> bytes:
    payload = dict(valid)
    name = rng.choice(sorted(payload))
    # Neither text nor number nor truth nor a list of objects: right for no field at all.
    payload[name] = rng.choice([[rng.randint(2, 9)], [[]], [None, rng.random()], ["x", 7]])
    if name == "item":
        payload["action"] = [payload["action"]]
    return msgspec.json.encode(payload)


def _huge(rng: random.Random, valid: dict[str, Any]) -> bytes:
    name = rng.choice(sorted(valid))
    size = rng.choice([10_000, 100_000, 300_000])
    return b'{"%s": "%s", "timestamp": "%s"' % (name.encode(), b"x" * size, b"9" * rng.randint(1, 400))


def _truncated(rng: random.Random, valid: dict[str, Any]) -> bytes:
    whole = msgspec.json.encode(valid)
    return whole[: rng.randint(1, len(whole) - 1)]


def _invalid_utf8(rng: random.Random, valid: dict[str, Any]) -> bytes:
    whole = bytearray(msgspec.json.encode(valid))
    whole.insert(rng.randint(0, len(whole) - 1), rng.choice([0xFF, 0xFE, 0xC0, 0x80]))
    return bytes(whole)


def _deep(rng: random.Random, valid: dict[str, Any]) -> bytes:
    name = rng.choice(sorted(valid))
    depth = rng.randint(20_000, 40_000)
    opening, closing = rng.choice([(b"[", b"]"), (b'{"a":', b"}")])
    return b'{"%s":' % name.encode() + opening * depth + b"1" + closing * depth + b"}"


def _nulls(rng: random.Random, valid: dict[str, Any]) -> bytes:
    return rng.choice([b"null", b"[null]", b"\x00", b"\x00" * rng.randint(2, 50), b"[null, null]", b'"\\u0000"'])


KINDS: Final[dict[str, Maker]] = {
    "wrong types": _wrong_types,
    "huge": _huge,
    "truncated": _truncated,
    "invalid UTF-8": _invalid_utf8,
    "deep nesting": _deep,
    "nulls": _nulls,
}


def malformed(seed: int, total: int) -> Iterator[tuple[str, str, bytes]]:
    """(subject, kind, payload), ``total`` of them, the same for the same seed, every subject and kind as often."""
    rng = random.Random(seed)
    cases = [(subject, kind) for subject in sorted(VALID) for kind in KINDS]
    for number in range(total):
        subject, kind = cases[number % len(cases)]
        yield subject, kind, KINDS[kind](rng, VALID[subject])
