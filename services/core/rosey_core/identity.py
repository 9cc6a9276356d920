"""What makes two things the same: users, events, chat lines.

An event's id is 16 bytes, time-ordered: 48 bits of milliseconds, then 80 bits of digest or chance. On the wire it is
hexadecimal, with or without hyphens. Time order makes ids cheap to index: new ones land on the last page of the tree.
"""

from __future__ import annotations

import hashlib
import os
import time
from typing import Final

ID_BYTES: Final = 16


def user_key(username: str) -> str:
    """The same for all spellings of one user's name: CyTube's names do not differ by case (PROTOCOL.md 12.7)."""
    return username.casefold()


def uuid7(milliseconds: int | None = None) -> str:
    """A new UUID of version 7 (RFC 9562) for an event without natural identity; the time is now unless given."""
    if milliseconds is None:
        milliseconds = time.time_ns() // 1_000_000
    value = bytearray(milliseconds.to_bytes(6, "big") + os.urandom(10))
    value[6] = 0x70 | (value[6] & 0x0F)
    value[8] = 0x80 | (value[8] & 0x3F)
    text = value.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def chat_id(*, channel: str, milliseconds: int, username: str, text: str, ordinal: int = 0) -> str:
    """The id of a chat line, the same whichever bot sees it, live or replayed.

    CyTube gives chat lines no id (PROTOCOL.md 5): channel, CyTube's own time, user and text are all there is, and
    ``ordinal`` tells apart equal lines of one millisecond.
    """
    digest = hashlib.blake2b(digest_size=10)
    for part in (channel, user_key(username), text, str(ordinal)):
        encoded = part.encode(errors="surrogatepass")
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return milliseconds.to_bytes(6, "big").hex() + digest.hexdigest()


def id_bytes(text: str) -> bytes:
    """An id from the wire as 16 bytes: hexadecimal ones as they are, a stranger's own by their digest."""
    if len(text) in (32, 36):
        try:
            value = bytes.fromhex(text.replace("-", "") if len(text) == 36 else text)
        except ValueError:
            value = b""
        if len(value) == ID_BYTES:
            return value
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=ID_BYTES).digest()


def place_id(*, stream_created: str, sequence: int, nanoseconds: int) -> bytes:
    """The identity of an event that brought none: its place in the stream.

    Args:
        stream_created: the stream's creation time, as NATS spells it; a stream made anew counts from 1 again.
        sequence: the message's sequence in the stream.
        nanoseconds: the server's time of the message, Unix time.
    """
    digest = hashlib.blake2b(f"{stream_created}\0{sequence}\0{nanoseconds}".encode(), digest_size=10).digest()
    return (nanoseconds // 1_000_000).to_bytes(6, "big") + digest
