"""What the window can do: one file a feature, each with a builder that returns its actions. See `base`."""
