"""How events leave the bot: an outbox that never blocks its caller, over a spool on disk."""
