"""What the outside peers have in common: two passes, a Gaussian tuned on the truth, everyone's strain filter.

A peer is a function that tells the motion of a pair of frames. Its displacement is smoothed by a Gaussian whose width
is chosen on the truth, which no user could do: a peer is measured at its best.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from engine.evaluation.evaluate import Estimates
from engine.evaluation.sets import EvaluationCase
from engine.metrics.accuracy import strain_accuracy
from engine.strain.base import STRAIN_METHODS
from engine.types import Displacement, FrameEstimate, Geometry, Map, RFSequence

Flow = NDArray[np.float32]
FlowOf = Callable[[Map, Map, Geometry], Flow]
"""Motion (H, W, 2) of a pair: lateral lines, then axial samples."""
Smoothing = tuple[float, float]
"""Standard deviations of the Gaussian: along the beam in metres, across in lines."""
SMOOTHINGS: tuple[Smoothing, ...] = tuple(
    (axial, lines) for axial in (0.2e-3, 0.5e-3, 1e-3, 1.5e-3, 2e-3) for lines in (1.0, 2.5, 5.0, 10.0, 20.0)
)


def tuned(flow: FlowOf, cases: Iterable[EvaluationCase]) -> tuple[Estimates, Smoothing]:
    """Return a peer as an estimator for `evaluate`, and its smoothing: the one of least strain error over the cases."""
    totals = dict.fromkeys(SMOOTHINGS, 0.0)
    for case in cases:
        for number, motion in flows(case.sequence, flow):
            truth = case.truth.read_frame(number)
            level = -float(truth.axial_strain.mean())
            for smoothing in SMOOTHINGS:
                estimate = _estimate(motion, smoothing, number, case.sequence.geometry)
                totals[smoothing] += strain_accuracy(estimate.strain, truth)["strain_rmse"].value / level
    best = min(totals, key=lambda smoothing: totals[smoothing])
    return partial(estimates, flow=flow, smoothing=best), best


def flows(sequence: RFSequence, flow: FlowOf) -> Iterator[tuple[int, Flow]]:
    """Estimate the motion of every frame against the first."""
    reference = sequence.frame(0)
    for number in range(1, sequence.shape[0]):
        yield number, flow(reference, sequence.frame(number), sequence.geometry)


def warp(image: Map | Flow, motion: Flow) -> Flow:
    """Sample an image where the motion carries each pixel."""
    height, width = motion.shape[:2]
    column, row = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    places = column + motion[..., 0], row + motion[..., 1]
    return np.asarray(cv2.remap(image, *places, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE))


def estimates(sequence: RFSequence, flow: FlowOf, smoothing: Smoothing) -> Iterator[FrameEstimate]:
    """Yield the estimate of every frame against the first."""
    for number, motion in flows(sequence, flow):
        yield _estimate(motion, smoothing, number, sequence.geometry)


def _estimate(motion: Flow, smoothing: Smoothing, number: int, geometry: Geometry) -> FrameEstimate:
    sigma = (smoothing[0] / geometry.axial_spacing_m, smoothing[1])
    lateral, axial = (gaussian_filter(motion[..., channel], sigma) for channel in (0, 1))
    displacement = Displacement.from_samples(axial, lateral, geometry)
    method = STRAIN_METHODS.get("least-squares")
    strain = method.strain(displacement, None, method.Params(), torch.device("cpu"))
    return FrameEstimate(0, number, displacement, strain, np.ones_like(axial))


def peers() -> Mapping[str, FlowOf]:
    """Return the outside peers by name."""
    from tests.benchmarks.peer_dis import dis_flow
    from tests.benchmarks.peer_phase_correlation import phase_correlation_flow

    return {"dis (OpenCV)": dis_flow, "phase correlation (scikit-image)": phase_correlation_flow}


def decimated(image: Map, factor: int) -> Map:
    """Reduce an image axially by averaging."""
    size = (image.shape[1], math.ceil(image.shape[0] / factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)
