"""Unsupervised training losses: similarity, smoothness, consistency."""
