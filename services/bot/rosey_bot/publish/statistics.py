"""What an outbox has done so far, as plain numbers for whoever shows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class OutboxStatistics:
    """Counts since the start.

    Attributes:
        queued: events that were taken.
        published: messages that were sent for the first time.
        retried: sendings after the first.
        acked: messages that JetStream has acknowledged.
        duplicates: acknowledged ones that the stream had already.
        refused: answers that said no.
        spooled: records written to disk.
        replayed: records read back from disk.
        dropped: events that are lost: no room, or too large for the server.
        invalid: events that could not be encoded.
    """

    queued: int = 0
    published: int = 0
    retried: int = 0
    acked: int = 0
    duplicates: int = 0
    refused: int = 0
    spooled: int = 0
    replayed: int = 0
    dropped: int = 0
    invalid: int = 0
