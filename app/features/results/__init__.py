"""Results of the command line in the window: one like a recording, a folder of them as a list to step through."""
