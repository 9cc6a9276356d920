"""``rosey channel``: the channels that a bot sits in, at run time."""
