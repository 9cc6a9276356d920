"""What people say: formatting, filters, the chat pipeline, commands and private messages."""
