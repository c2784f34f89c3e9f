"""How far an estimate can be trusted: which pixels the data decide, their uncertainty, and a word for a poor frame."""
