"""Two methods or two frames side by side."""
