"""Time stamps of frames: the frame rate they amount to, and a note where they are uneven."""

from collections.abc import Sequence

import numpy as np

GAP = 1.5
"""Times the median interval from which on frames are missing in between."""


def frame_times(times_s: Sequence[float]) -> tuple[float | None, tuple[str, ...]]:
    """Return the frame rate in Hz (None where the stamps give none) and what there is to say of them.

    >>> frame_times([0.0, 0.1, 0.2])[0]
    10.0
    """
    steps = np.diff(np.asarray(times_s, np.float64))
    if steps.size == 0 or not np.isfinite(steps).all():
        return None, ()
    if not (steps > 0).all():
        note = "the time stamps of its frames do not increase and are not used"
        return None, (note,) if np.any(steps) else ()
    usual = float(np.median(steps))
    gaps = np.flatnonzero(steps > GAP * usual)
    if gaps.size == 0:
        return float(steps.size / steps.sum()), ()
    where = ", ".join(str(int(gap)) for gap in gaps[:5]) + (" ..." if gaps.size > 5 else "")
    note = (
        f"time stamps are uneven: {steps.min() * 1e3:.4g} to {steps.max() * 1e3:.4g} ms from frame to frame, with gaps "
        f"after frame {where}; the frame rate is that of the usual {usual * 1e3:.4g} ms"
    )
    return 1 / usual, (note,)
