"""Configuration, version 2: a JSON or YAML file, overridden by environment variables, with secrets by reference.

``load`` is the way in; what comes out is frozen and checked, and shows no secret in its ``repr``.
"""

from rosey_core.config.errors import ConfigError, Problem
from rosey_core.config.loading import load
from rosey_core.config.models import Bot, Config, Database, Health, Logging, Operator, Retention, Stream, Telemetry
from rosey_core.config.nats import Nats
from rosey_core.config.platforms import Platform
from rosey_core.config.section import laid_open

__all__ = [
    "Bot",
    "Config",
    "ConfigError",
    "Database",
    "Health",
    "Logging",
    "Nats",
    "Operator",
    "Platform",
    "Problem",
    "Retention",
    "Stream",
    "Telemetry",
    "laid_open",
    "load",
]
