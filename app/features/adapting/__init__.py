"""Adapting a network to the open recording."""
