"""Pictures and films of results, composed once for the window and the command line."""
