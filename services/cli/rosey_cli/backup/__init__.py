"""``rosey backup`` and ``rosey restore``: a copy of the database that is known to be good, and the way back."""
