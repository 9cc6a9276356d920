"""Several bots that share their channels: each channel is held by one of them, and another takes over where it ends."""
