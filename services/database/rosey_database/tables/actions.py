"""What users did that is worth a record: moderators' commands, and whatever a caller logs."""

from __future__ import annotations

import sqlite3
from typing import Final, NamedTuple

PM_COMMAND: Final = "pm_command"
PENDING: Final = "pending"


def command_details(*, command: str, args: str, result: str, error: str | None) -> str:
    """A command's record in one line: ``cmd=<command>, args: <args>, result: <result>[, error: <error>]``."""
    details = f"cmd={command}, args: {args}, result: {result}"
    return f"{details}, error: {error}" if error else details


class CommandDetails(NamedTuple):
    """A command as its record has it."""

    command: str
    args: str
    error: str | None


def read_command_details(details: str, result: str | None) -> CommandDetails | None:
    """The parts of what ``command_details`` has made; ``None`` where it has not.

    Nothing in it is escaped: of several places that look like the result, the last one counts, so that arguments
    which look like one stay arguments.
    """
    beginning, _, rest = details.partition(", args: ")
    command = beginning.removeprefix("cmd=")
    marker = f", result: {result}"
    if command == beginning or marker not in rest:
        return None
    if rest.endswith(marker):
        return CommandDetails(command, rest.removesuffix(marker), None)
    args, separator, error = rest.rpartition(f"{marker}, error: ")
    return CommandDetails(command, args, error) if separator else None


def log_command(
    connection: sqlite3.Connection,
    *,
    channel_id: int,
    event_id: bytes,
    username: str,
    details: str,
    result: str,
    time: float,
) -> None:
    """Record an attempt or its outcome: both have one id and make one row, which a late attempt never sets back."""
    connection.execute(
        """
        INSERT INTO user_actions (timestamp, username, action_type, details, channel_id, event_id, result)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (event_id, channel_id) WHERE event_id IS NOT NULL DO UPDATE SET
            timestamp = min(timestamp, excluded.timestamp),
            details = CASE WHEN result = 'pending' THEN excluded.details ELSE details END,
            result = CASE WHEN result = 'pending' THEN excluded.result ELSE result END
        """,
        (int(time), username, PM_COMMAND, details, channel_id, event_id, result),
    )


def log_action(
    connection: sqlite3.Connection,
    *,
    channel_id: int,
    username: str,
    action_type: str,
    details: str | None,
    time: float,
) -> None:
    """Record any other action."""
    connection.execute(
        "INSERT INTO user_actions (timestamp, username, action_type, details, channel_id) VALUES (?, ?, ?, ?, ?)",
        (int(time), username, action_type, details, channel_id),
    )


def sweep(connection: sqlite3.Connection, *, before: float, limit: int) -> int:
    """Delete up to ``limit`` records that are older than this time."""
    return connection.execute(
        """
        DELETE FROM user_actions WHERE id IN (
            SELECT id FROM user_actions WHERE timestamp < ? ORDER BY timestamp LIMIT ?)
        """,
        (int(before), limit),
    ).rowcount
