"""The Rosey database service: stores every event exactly once and answers questions."""

from rosey_database.database import BotDatabase
from rosey_database.database_service import DatabaseService

__all__ = ["BotDatabase", "DatabaseService"]
