"""``rosey database``: what a database file is, and its upgrade."""
