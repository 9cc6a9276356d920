"""Changes of the playlist, one row a change."""

from __future__ import annotations

from typing import Final

INSERT: Final = """
    INSERT OR IGNORE INTO playlist_changes (timestamp, action, item, changed_by, channel_id, event_id)
    VALUES {rows}
"""
