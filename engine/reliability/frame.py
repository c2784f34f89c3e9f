"""A word on each frame: whether it matches its reference at all, and how far its strain stands above its uncertainty.

Judged from the estimate alone, so that a result file tells the same as the run that wrote it.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal, Self

import numpy as np

from engine.types import FrameEstimate, Result

Verdict = Literal["good", "unreliable", "no match"]
Doubt = Literal["", "few pixels", "little correlation", "noise"]

NO_MATCH_SHARE = 0.02
"""Valid share of a map up to which there is no strain to speak of."""

LEAST_SHARE = 0.5
LEAST_CORRELATION = 0.5
LEAST_STRAIN_TO_SIGMA = 1.0


@dataclass(frozen=True)
class FrameReliability:
    """How far one estimated frame can be trusted.

    `valid_share` of its pixels have a strain; `correlation` is the median quality over these, or over all where there
    are none; `strain_to_sigma` is the median of |strain| over its standard deviation, NaN where that is not known.
    From these follow the `verdict`, and the `doubt` that makes a frame with a strain unreliable.
    """

    frame: int
    reference: int
    valid_share: float
    correlation: float
    strain_to_sigma: float
    verdict: Verdict = field(init=False)
    doubt: Doubt = field(init=False)

    def __post_init__(self) -> None:
        doubt: Doubt = ""
        if self.valid_share < LEAST_SHARE:
            doubt = "few pixels"
        elif self.correlation < LEAST_CORRELATION:
            doubt = "little correlation"
        elif self.strain_to_sigma < LEAST_STRAIN_TO_SIGMA:
            doubt = "noise"
        object.__setattr__(self, "doubt", doubt)
        verdict = "no match" if self.valid_share <= NO_MATCH_SHARE else "unreliable" if doubt else "good"
        object.__setattr__(self, "verdict", verdict)


@dataclass(frozen=True)
class RecordingReliability:
    """The frames of a recording: each, the best, those worth keeping, and the words on the others."""

    frames: tuple[FrameReliability, ...]
    best_frame: int | None
    worth_keeping: tuple[int, ...]
    words: tuple[str, ...]

    @classmethod
    def of(cls, frames: Iterable[FrameReliability]) -> Self:
        """Put the judgements of frames together."""
        ordered = tuple(sorted(frames, key=lambda entry: entry.frame))
        return cls(ordered, best_frame(ordered), worth_keeping(ordered), sentences(ordered))


def judge(estimate: FrameEstimate) -> FrameReliability:
    """Judge one estimate."""
    valid = np.isfinite(estimate.strain.axial)
    looked_at = np.isfinite(estimate.quality)  # all but what lies outside the part that was to be estimated
    share = float(valid.sum() / max(int(looked_at.sum()), 1))
    quality = estimate.quality[valid] if share > NO_MATCH_SHARE else estimate.quality
    known = quality[np.isfinite(quality)]
    ratio = math.nan
    if estimate.sigma is not None and valid.any():
        ratio = float(np.median(np.abs(estimate.strain.axial[valid]) / estimate.sigma.axial_strain[valid]))
    return FrameReliability(
        estimate.deformed_frame,
        estimate.reference_frame,
        share,
        float(np.median(known)) if known.size else 0.0,
        ratio,
    )


def judge_result(result: Result, frames: Iterable[int] | None = None) -> RecordingReliability:
    """Judge how far frames of a result can be trusted, one in memory at a time.

    Parameters
    ----------
    result
        An opened result.
    frames
        Numbers of deformed frames; all without them.

    Returns
    -------
    RecordingReliability
        A verdict for each frame, and `words`, a line for each run of poor ones.

    Raises
    ------
    ValueError
        A frame was not estimated.

    >>> judge_result(read_result(Path("arm.h5"))).words  # doctest: +SKIP
    """
    chosen = result.deformed_frames if frames is None else tuple(frames)
    rows = (result.deformed_frames.index(frame) for frame in chosen)
    return RecordingReliability.of(judge(result.read_frame(row)) for row in rows)


def sentences(frames: Iterable[FrameReliability]) -> tuple[str, ...]:
    """Say in a line each what is wrong with runs of poor frames; nothing where all are good.

    >>> sentences([FrameReliability(k, 0, 0.0, 0.04, math.nan) for k in (3, 4, 5)])
    ('frames 3 to 5 do not match the reference (correlation 0.04): no strain',)
    """
    ordered = sorted(frames, key=lambda entry: entry.frame)
    runs = groupby(enumerate(ordered), key=lambda item: (item[1].verdict, item[1].doubt, item[1].frame - item[0]))
    return tuple(_sentence([entry for _, entry in run]) for (verdict, _, _), run in runs if verdict != "good")


def _sentence(run: Sequence[FrameReliability]) -> str:
    first, last = run[0], run[-1]
    name = f"frame {first.frame}" if first is last else f"frames {first.frame} to {last.frame}"
    correlation = float(np.median([entry.correlation for entry in run]))
    if first.verdict == "no match":
        verb = "does" if first is last else "do"
        return f"{name} {verb} not match the reference (correlation {correlation:.2f}): no strain"
    share = float(np.median([entry.valid_share for entry in run]))
    reasons = {
        "few pixels": f"only {100 * share:.0f} % of the map is valid",
        "little correlation": f"correlation only {correlation:.2f}",
        "noise": "the strain is smaller than its uncertainty",
    }
    return f"{name}: unreliable, {reasons[first.doubt]}"


def worth_keeping(frames: Iterable[FrameReliability]) -> tuple[int, ...]:
    """Return the frames with a reliable strain, in order."""
    return tuple(sorted(entry.frame for entry in frames if entry.verdict == "good"))


def best_frame(frames: Iterable[FrameReliability]) -> int | None:
    """Return the frame whose strain stands farthest above its uncertainty over most of the map; None if all are poor.

    Where uncertainties are not known, it is the frame of the highest correlation.
    """
    good = [entry for entry in frames if entry.verdict == "good"]
    if not good:
        return None
    known = all(math.isfinite(entry.strain_to_sigma) for entry in good)
    return max(
        good, key=lambda entry: entry.valid_share * (entry.strain_to_sigma if known else entry.correlation)
    ).frame
