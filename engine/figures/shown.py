"""How exported strain is shown where that is not as it was estimated, in words."""

import math
from collections.abc import Sequence

PERCENT = 100.0


def shown_remarks(
    *, mean: float | None = None, frames: Sequence[int] = (), quality: float = 0.0, masked: bool = False
) -> tuple[str, ...]:
    """Say under a figure over which `frames` strain is averaged, that it is divided by the `mean`, and what is hidden.

    The last of the frames is that whose compression the average has; `quality` is that below which nothing is shown,
    nor, where it is `masked`, measured.

    >>> shown_remarks(mean=-0.012, frames=(3, 4, 5))
    ('Averaged over 3 frames (3 to 5).', 'Divided by the mean strain of the frame, 1.2 %.')
    """
    remarks = []
    if frames:
        which = f"frames ({min(frames)} to {max(frames)})" if len(frames) > 1 else f"frame ({frames[0]})"
        remarks.append(f"Averaged over {len(frames)} {which}.")
    if mean is not None:
        size = "which is too small" if math.isnan(mean) else f"{-PERCENT * mean:.3g} %"
        remarks.append(f"Divided by the mean strain of the frame, {size}.")
    return (*remarks, *_hidden(quality, masked=masked))


def _hidden(quality: float, *, masked: bool) -> tuple[str, ...]:
    counted = "the shown" if masked else "all"
    return (f"Hidden: quality below {quality:.3g}; the numbers count {counted} pixels.",) if quality > 0 else ()


def series_remarks(
    *, relative: bool, averaged_frames: int, quality: float = 0.0, masked: bool = False
) -> tuple[str, ...]:
    """Say the same of many frames at once."""
    averaged = (f"Every frame averaged with up to {averaged_frames - 1} before it.",) if averaged_frames > 1 else ()
    divided = ("Strain of every frame divided by its mean.",) if relative else ()
    return (*averaged, *divided, *_hidden(quality, masked=masked))
