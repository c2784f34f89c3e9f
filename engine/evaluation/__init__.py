"""Measuring methods against recordings of known motion: named sets, ellipses, errors, tables and plots."""
