"""What the inverse methods share: forward model, observation, denoiser."""
