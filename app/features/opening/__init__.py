"""Opening recordings, and asking for geometry that a file does not say."""
