"""``rosey dlq``: the events that could not be stored, and what to do with them."""
