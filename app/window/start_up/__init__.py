"""What runs unseen around the start of the window."""
