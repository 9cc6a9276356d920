"""What every part stands on: subjects, events, identity, configuration, telemetry, the running of a process."""
