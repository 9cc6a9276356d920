"""CyTube's wire protocol, seen from a client: frames, text, login, throttle, and a connection that is kept for ever."""
