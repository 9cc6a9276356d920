"""``rosey config``: look at a configuration, judge it, and bring an older one to version 2."""
