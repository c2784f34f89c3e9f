"""Poor frames are called so, in runs; the best is chosen, and those worth keeping are named."""

import math

import numpy as np
import pytest

from engine.reliability.frame import FrameReliability, RecordingReliability, best_frame, judge, sentences, worth_keeping
from engine.types import Displacement, FrameEstimate, Sigma, Strain


def frame(number: int, share: float = 1.0, correlation: float = 0.95, ratio: float = 20.0) -> FrameReliability:
    return FrameReliability(number, 0, share, correlation, ratio)


def estimate(geometry, valid: float, quality: float, sigma: float | None = 1e-4) -> FrameEstimate:
    strain = np.full((100, 20), -0.01, np.float32)
    strain[round(100 * valid) :] = np.nan
    maps = Sigma(*[np.where(np.isfinite(strain), np.float32(sigma), np.float32(np.nan))] * 3) if sigma else None
    moved = Displacement(strain * 1e-3, strain * 1e-3, geometry)
    return FrameEstimate(0, 3, moved, Strain(strain, geometry, 2e-3), np.full_like(strain, quality), maps)


def test_a_frame_is_judged_by_what_is_valid_of_it(geometry) -> None:
    good = judge(estimate(geometry, 0.9, 0.95))
    assert (good.verdict, good.doubt) == ("good", "")
    assert good.valid_share == pytest.approx(0.9)
    assert good.strain_to_sigma == pytest.approx(100, rel=1e-3)
    assert judge(estimate(geometry, 0.0, 0.04)).verdict == "no match"
    assert judge(estimate(geometry, 0.3, 0.9)).doubt == "few pixels"
    assert judge(estimate(geometry, 0.9, 0.3)).doubt == "little correlation"
    assert judge(estimate(geometry, 0.9, 0.9, sigma=0.02)).doubt == "noise"
    assert math.isnan(judge(estimate(geometry, 0.9, 0.9, sigma=None)).strain_to_sigma)


def test_runs_of_poor_frames_are_one_sentence_each() -> None:
    frames = [frame(1), frame(2, 0.3), *(frame(number, 0.0, 0.04) for number in (3, 4, 5)), frame(7, 0.0, 0.1)]
    assert sentences(frames) == (
        "frame 2: unreliable, only 30 % of the map is valid",
        "frames 3 to 5 do not match the reference (correlation 0.04): no strain",
        "frame 7 does not match the reference (correlation 0.10): no strain",
    )
    assert sentences([frame(1), frame(2)]) == ()


def test_the_best_frame_stands_farthest_above_its_uncertainty() -> None:
    frames = [frame(1, ratio=5.0), frame(2, ratio=30.0), frame(3, share=0.1, ratio=99.0)]
    assert best_frame(frames) == 2
    assert worth_keeping(frames) == (1, 2)
    assert best_frame([frame(3, share=0.0)]) is None
    unknown = [frame(1, correlation=0.7, ratio=math.nan), frame(2, correlation=0.9, ratio=math.nan)]
    assert best_frame(unknown) == 2
    together = RecordingReliability.of(reversed(frames))
    assert [entry.frame for entry in together.frames] == [1, 2, 3]
    assert together.words == sentences(frames)
