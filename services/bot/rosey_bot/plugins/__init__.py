"""What a plugin is written with; docs/plugins.md shows how. Only these names are promised to plugins."""

from rosey_bot.commands.answers import Answer, CommandError
from rosey_bot.commands.arguments import ItemReference, Kind, Parameter
from rosey_bot.commands.registry import Command, Request
from rosey_bot.plugins.interface import Place, Plugin

__all__ = ["Answer", "Command", "CommandError", "ItemReference", "Kind", "Parameter", "Place", "Plugin", "Request"]
