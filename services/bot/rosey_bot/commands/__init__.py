"""What people can ask of the bot: the commands, how they are read, and how their answers look."""
