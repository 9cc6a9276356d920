"""Effects on the tables, one module a table: plain functions over a sqlite3 connection in a transaction."""
