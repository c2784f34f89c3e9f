"""Every map of a frame that can be shown, drawn, measured and exported, one file a map or a small family."""
