"""Why a metric has no value: short codes for files, sentences for people."""

REASONS = {
    "not_drawn": "this region has not been drawn",
    "no_outline": "the lesion has not been outlined on the B-mode",
    "outside_image": "this region lies outside the image",
    "leaves_image": "this region reaches beyond the image; only the part inside counts",
    "outline_leaves_image": "this outline reaches beyond the image; its whole area counts, also what is not seen",
    "overlap": "the target and the background share pixels",
    "other_depth": "the background lies more than 5 mm above or below the target, and strain changes with depth",
    "too_few": "too few valid pixels (at least 25, spread over at least 3 resolution cells)",
    "small_region": "smaller than 2 mm, or less high than three strain windows, so that blur reaches its numbers",
    "mostly_invalid": "fewer than half of its pixels have a strain",
    "zero_variance": "all values are the same, so there is no standard deviation to divide by",
    "zero_mean": "the mean strain is zero, so there is no ratio",
    "zero_error": "there is no error at all, so a ratio to it has no bound",
    "zero_truth": "the true value is zero, so there is no relative error",
    "no_edge": "no edge with a fitting width was found along the outline",
    "not_followed": "its tissue is not known in this frame, since no chain of pairs leads there: it stays as drawn",
    "no_room": "there is no room for the windows at this depth",
    "no_time": "it took no time of its own",
    "no_truth": "the recording holds no true values",
}


def explain(reason: str) -> str:
    """Turn the short code of a missing value into a sentence; text that is no code comes back as it is."""
    return REASONS.get(reason, reason)
