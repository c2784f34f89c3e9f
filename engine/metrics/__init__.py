"""Stage 5: strain, regions and truth to numbers."""
