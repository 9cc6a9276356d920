"""``rosey replay``: the event stream as a log that is read again."""
