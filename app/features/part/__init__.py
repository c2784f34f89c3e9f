"""The part of the frame that is estimated."""
