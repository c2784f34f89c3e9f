"""A strong general-purpose peer: dense inverse search optical flow (OpenCV), made as good as it gets on RF.

DIS on the log envelope, decimated axially by four, finds the large motion; the deformed frame is warped by it, and DIS
on the band-passed RF finds the rest. The displacement is smoothed by a Gaussian whose width is chosen on the truth,
which no user could do. The strain filter is the same as everyone's.

    python -m tests.benchmarks.peer_dis [--set peer-noisy] [--method ncc ...] [--plot FILE]
"""

import argparse
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from engine.evaluation.evaluate import Estimates, evaluate
from engine.evaluation.measure import METRICS
from engine.evaluation.plot import plot_evaluation
from engine.evaluation.sets import EvaluationCase, evaluation_set
from engine.metrics.accuracy import strain_accuracy
from engine.pipeline import Settings
from engine.preprocess.bmode import bmode_db
from engine.preprocess.filters import band_pass
from engine.strain.base import STRAIN_METHODS
from engine.types import Displacement, FrameEstimate, Geometry, Map, RFSequence

DECIMATION = 4
CPU = torch.device("cpu")
Smoothing = tuple[float, float]
"""Standard deviations of the Gaussian: along the beam in metres, across in lines."""
SMOOTHINGS: tuple[Smoothing, ...] = tuple(
    (axial, lines) for axial in (0.2e-3, 0.5e-3, 1e-3, 1.5e-3) for lines in (1.0, 2.5, 5.0, 10.0)
)

Flow = NDArray[np.float32]
Bytes = NDArray[np.uint8]


def flow(reference: Map, deformed: Map, geometry: Geometry) -> Flow:
    """Motion (H, W, 2) of a pair: lateral lines, then axial samples."""
    coarse = _envelope_flow(reference, deformed)
    filtered = [band_pass(frame, geometry, 1.0) for frame in (reference, deformed)]
    scale = 127.0 / float(np.percentile(np.abs(filtered[0]), 99.9))
    warped = _warp(filtered[1], coarse)
    fine = _dis().calc(_bytes(filtered[0] * scale + 128), _bytes(warped * scale + 128), None)
    return np.asarray(fine + _warp(coarse, fine), np.float32)


def estimates(sequence: RFSequence, smoothing: Smoothing, flows: dict[str, list[Flow]]) -> Iterator[FrameEstimate]:
    """Estimate every frame; `flows` keeps what was computed for a recording, so that smoothings can be compared."""
    geometry = sequence.geometry
    key = f"{id(sequence)}"
    found = flows.get(key)
    reference = sequence.frame(0)
    method = STRAIN_METHODS.get("least-squares")
    kept: list[Flow] = []
    for frame in range(1, sequence.shape[0]):
        motion = found[frame - 1] if found else flow(reference, sequence.frame(frame), geometry)
        kept.append(motion)
        sigma = (smoothing[0] / geometry.axial_spacing_m, smoothing[1])
        lateral, axial = (gaussian_filter(motion[..., channel], sigma) for channel in (0, 1))
        displacement = Displacement.from_samples(axial, lateral, geometry)
        strain = method.strain(displacement, None, method.Params(), CPU)
        yield FrameEstimate(0, frame, displacement, strain, np.ones_like(axial))
    flows[key] = kept


def best_smoothing(cases: Iterable[EvaluationCase]) -> Smoothing:
    """Smoothing with the least strain error over the cases, by the truth."""
    totals = dict.fromkeys(SMOOTHINGS, 0.0)
    for case in cases:
        flows: dict[str, list[Flow]] = {}
        for smoothing in SMOOTHINGS:
            for estimate in estimates(case.sequence, smoothing, flows):
                truth = case.truth.read_frame(estimate.deformed_frame)
                level = -float(truth.axial_strain.mean())
                totals[smoothing] += strain_accuracy(estimate.strain, truth)["strain_rmse"].value / level
    return min(totals, key=lambda smoothing: totals[smoothing])


def peer(smoothing: Smoothing) -> Estimates:
    """Return the peer as an estimator for `evaluate`; nothing is kept between recordings."""

    def run(sequence: RFSequence) -> Iterator[FrameEstimate]:
        return estimates(sequence, smoothing, {})

    return partial(run)


def _envelope_flow(reference: Map, deformed: Map) -> Flow:
    """Flow of the log envelope over 50 dB, back on the RF grid."""
    height, width = reference.shape
    size = (width, math.ceil(height / DECIMATION))
    images = [
        cv2.resize(_bytes((bmode_db(frame) + 50) * 5.1), size, interpolation=cv2.INTER_AREA)
        for frame in (reference, deformed)
    ]
    found = cv2.resize(_dis().calc(*images, None), (width, height), interpolation=cv2.INTER_LINEAR)
    found[..., 1] *= height / size[1]
    return np.asarray(gaussian_filter(found, (12, 2, 0)), np.float32)


def _dis() -> cv2.DISOpticalFlow:
    found = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    found.setFinestScale(0)
    return found


def _warp(image: Map | Flow, motion: Flow) -> Flow:
    height, width = motion.shape[:2]
    column, row = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(
        cv2.remap(
            image, column + motion[..., 0], row + motion[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
    )


def _bytes(values: Map) -> Bytes:
    return np.clip(values, 0, 255).astype(np.uint8)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the peer with our methods on a named set and print the overall table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", dest="name", default="peer-noisy")
    parser.add_argument("--method", dest="methods", action="append", default=[])
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(arguments)
    chosen = evaluation_set(given.name)
    smoothing = best_smoothing(chosen.cases())
    say(f"DIS smoothed by {1e3 * smoothing[0]:.1f} mm and {smoothing[1]} lines, the best of {len(SMOOTHINGS)}")
    found = evaluate(
        chosen.cases(),
        [Settings(name) for name in given.methods or ["ncc"]],
        torch.device(given.device),
        {"dis": peer(smoothing)},
    )
    for metric, info in METRICS.items():
        cells = [f"{method} {found.summary(method, metric).mean:.4g}" for method in found.methods]
        say(f"{info.label} ({info.unit})".ljust(26) + "   ".join(cells))
    if given.plot:
        plot_evaluation(found, given.plot)


if __name__ == "__main__":
    main()
