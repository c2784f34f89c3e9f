"""The layers from which the networks are built."""
