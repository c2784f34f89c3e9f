"""Simulated RF recordings with exact ground truth."""
