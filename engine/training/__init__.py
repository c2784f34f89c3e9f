"""Training of the networks: configuration, data, loop, checkpoints."""
