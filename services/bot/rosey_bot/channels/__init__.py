"""Channels: all parts of one put together, and the many of a process."""
