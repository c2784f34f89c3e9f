"""Stage 3: `FramePair` to `Displacement`, one file an estimator."""
