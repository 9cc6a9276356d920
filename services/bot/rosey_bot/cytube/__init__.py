"""CyTube's wire protocol, seen from a client: frames, text, login, throttle, and a connection that is kept for ever."""

import importlib
import sys

# python-engineio imports requests wherever it finds it, for its client without asyncio, and the exporter of traces
# brings it: 5 MB for nothing in a bot that traces nothing.
if "requests" not in sys.modules:
    sys.modules["requests"] = None  # type: ignore[assignment]
    importlib.import_module("engineio")
    del sys.modules["requests"]
