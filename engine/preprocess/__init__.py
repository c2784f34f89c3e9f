"""Stage 2: frames to `FramePair`: filters, B-mode, bulk alignment."""
