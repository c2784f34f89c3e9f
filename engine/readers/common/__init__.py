"""What several formats share: axes, checks, spectrum, re-modulation, refusals."""
