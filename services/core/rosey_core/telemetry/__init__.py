"""What a process tells about itself: logs, metrics and traces. Domain modules do not import this; the edges do."""
