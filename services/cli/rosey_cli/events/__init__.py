"""The live tail of events."""
