"""JetStream's answer to a publish: stored, or why not (NATS ADR-1: JetStream JSON API, PubAck)."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

NO_RESPONDERS: Final = "503"
"""The status by which NATS says that nobody captures a subject: no such stream, or no JetStream."""


class Refusal(Struct):
    """Why JetStream did not store a message."""

    code: int = 0
    err_code: int = 0
    description: str = ""


class Acknowledgement(Struct):
    """Where JetStream has stored a message, or why it has not.

    Attributes:
        seq: its sequence in the stream; 0 where it was refused.
        duplicate: the stream had one of this ``Nats-Msg-Id`` already.
        error: why it was refused.
    """

    stream: str = ""
    seq: int = 0
    duplicate: bool = False
    error: Refusal | None = None

    @property
    def refusal(self) -> str | None:
        """Why the message is not stored; ``None`` where it is."""
        if self.error is not None:
            return f"JetStream refuses: {self.error.description or 'no reason given'} ({self.error.err_code})"
        return None if self.seq > 0 else "JetStream answered without a sequence"


_DECODER: Final = msgspec.json.Decoder(Acknowledgement)


def decode(payload: bytes, headers: dict[str, str] | None) -> Acknowledgement:
    """Read an answer; one that cannot be read counts as a refusal, so that the message is sent again."""
    if headers is not None and headers.get("Status") == NO_RESPONDERS:
        return Acknowledgement(error=Refusal(503, 0, "no stream captures this subject, or JetStream is disabled"))
    try:
        return _DECODER.decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return Acknowledgement(error=Refusal(0, 0, f"unreadable answer {payload[:80]!r}"))
