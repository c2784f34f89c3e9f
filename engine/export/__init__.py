"""Stage 7: results to files."""
