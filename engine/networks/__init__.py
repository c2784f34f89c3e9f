"""The torch models behind the network estimators, and their weights."""
