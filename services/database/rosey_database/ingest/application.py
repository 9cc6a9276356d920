"""The events of a batch applied in a transaction, and whose fault it is where that fails: theirs or the storage's."""

from __future__ import annotations

from collections.abc import Sequence

from rosey_database import effects, sqlite
from rosey_database.ingest.batch import Item
from rosey_database.writer import Transaction


class Unstorable(Exception):
    """The database does not take these events; the text says why. Roll back."""


def apply(transaction: Transaction, items: Sequence[Item]) -> int:
    """Apply events; returns how many of them were stored before.

    Raises:
        Unstorable: it is a fault of the events.
        sqlite3.Error, MemoryError: it is none of theirs.
    """
    try:
        return effects.apply(transaction.connection, transaction.channel_ids, [item.received for item in items])
    except MemoryError:
        raise
    except Exception as error:
        if sqlite.is_storage_fault(error):
            raise
        raise Unstorable(f"could not be stored: {type(error).__name__}: {error}") from error
