"""What is kept of the work on a recording."""
