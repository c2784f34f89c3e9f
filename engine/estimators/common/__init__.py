"""What several estimators share: windows, resampling, smoothing, dynamic programming."""
