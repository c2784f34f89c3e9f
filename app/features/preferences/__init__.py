"""What belongs to the program and not to a recording."""
