"""The Rosey bot: sits in CyTube channels, publishes what happens, obeys moderators."""
