"""The Rosey database service: stores every event exactly once and answers questions."""

from rosey_database.database import BotDatabase

__all__ = ["BotDatabase"]
