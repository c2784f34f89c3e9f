"""Figures, films, tables and data written from the window."""
