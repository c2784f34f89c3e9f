"""Guide, keys and what program this is."""
