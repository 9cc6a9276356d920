"""``rosey up``: a whole Rosey on this machine, from nats-server to the bot, under one command."""
