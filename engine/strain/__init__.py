"""Stage 4: `Displacement` to `Strain`, one file a method."""
