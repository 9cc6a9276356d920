"""The command rosey: what a person types."""
