"""The live view of any running Rosey."""
