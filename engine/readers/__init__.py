"""Stage 1: RF files to `RFSequence`, one file a format."""
