"""Experiments of the source papers, repeated."""
