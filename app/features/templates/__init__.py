"""Regions kept by name."""
