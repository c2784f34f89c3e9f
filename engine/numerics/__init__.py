"""Mathematics that several stages need and none owns: warping, correlation, gaps, limits of accuracy."""
