"""What a channel looks like now, as its frames tell: users, playlist, medium that plays, options."""
