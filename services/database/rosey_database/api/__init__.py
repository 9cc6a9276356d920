"""The HTTP API: what external programs that hold a token may ask and post, answered as over NATS."""
