"""How exported strain is shown where that is not as it was estimated: said in words and in the provenance."""

import math
from collections.abc import Sequence
from dataclasses import replace

from engine.types import Provenance

PERCENT = 100.0


def shown_remarks(*, mean: float | None = None, frames: Sequence[int] = ()) -> tuple[str, ...]:
    """Say under a figure that strain is divided by the frame's `mean`, and over which `frames` it is averaged.

    Frames count as they are to be read; the last one is that whose compression the average has.

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
    return tuple(remarks)


def series_remarks(*, relative: bool, averaged_frames: int) -> tuple[str, ...]:
    """Say the same of many frames at once."""
    averaged = (f"Every frame averaged with up to {averaged_frames - 1} before it.",) if averaged_frames > 1 else ()
    return (*averaged, *(("Strain of every frame divided by its mean.",) if relative else ()))


def noted(
    provenance: Provenance, *, relative: bool = False, averaged_frames: int = 1, at_most: bool = False
) -> Provenance:
    """Add to a provenance how its maps are shown; as estimated, nothing is added.

    Of many frames `averaged_frames` is what was averaged `at_most`.
    """
    shown: dict[str, object] = {}
    if relative:
        shown["strain"] = "divided by the mean of each frame"
    if averaged_frames > 1:
        shown["averaged_frames"] = f"up to {averaged_frames}" if at_most else averaged_frames
    if not shown:
        return provenance
    return replace(provenance, parameters={**provenance.parameters, "shown": shown})
