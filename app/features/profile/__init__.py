"""Values along a line drawn on the images."""
