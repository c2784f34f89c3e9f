"""Questions to the user: each dialog shows values and returns an answer; none knows the state."""
