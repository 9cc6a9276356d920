"""The contract that Rosey's services share: subjects, events, queries, the bus, configuration and telemetry.

Nothing here knows a service. A service that needs something of another asks for it over NATS, in the terms of
this package.
"""
