"""Recordings of single channels, beamformed here."""
