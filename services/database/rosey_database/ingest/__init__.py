"""The way of an event from the stream into the tables.

The position stored in the database is the truth: it moves in the transaction that applies the events, and JetStream's
acknowledgements are not used. See docs/event-path.md.
"""
