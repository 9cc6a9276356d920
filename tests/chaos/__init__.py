"""Chaos: real processes killed, paused and set back under load, and a record that says what should be stored.

``python -m tests.chaos --help``; ``make chaos`` runs the full form, the test run a short one. The harness publishes
with the bot's own outbox and lives through everything, so its record is the truth.
"""
