"""Answering requests over NATS, from the database."""
