"""What draws: each view is given values, paints them and emits requests; none writes the state."""
