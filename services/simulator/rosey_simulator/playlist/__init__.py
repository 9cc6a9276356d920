"""The playlist of a room, and what plays from it."""
