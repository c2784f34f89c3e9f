"""The list of what happened."""
