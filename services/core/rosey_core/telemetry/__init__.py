"""What a process tells about itself: logs and metrics. Domain modules do not import this; the edges do."""
