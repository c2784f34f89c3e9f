"""Strain of sliding and other pairs with references of their own: each pair alone (GLUE), and together.

    python -m tests.benchmarks.benchmark_sliding [--load ramp] [--pairs sliding] [--recordings 1] [--frames 20]

Noisy recordings (those of `small-noisy` under other loads, or the first frames of `non-proportional`): `ramp` is
compressed evenly to 4 % over 20 frames, `breath` to and fro by 2 % in 16, `levels` as in the set, and
`non-proportional` evenly to 3 % in 12. Errors are RMS of axial strain over a frame in percent strain, in a window of
2 mm, against the gradient of the true motion between both frames on the grid of the pair's own reference.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from engine.device import choose_device
from engine.evaluation.sets import FIRST_SEED
from engine.pipeline import Preparation, Settings, run
from engine.simulation.protocol import Protocol
from engine.simulation.protocols import protocol
from engine.types import RFSequence

LOADS = {
    "ramp": tuple(round(0.002 * frame, 6) for frame in range(1, 21)),
    "breath": tuple(round(0.02 * math.sin(math.pi * frame / 8) + 1e-4, 6) for frame in range(1, 17)),
    "levels": (0.005, 0.015, 0.03, 0.045),
    "non-proportional": tuple(round(0.0025 * frame, 6) for frame in range(1, 13)),
}


def loaded(name: str, frames: int) -> Protocol:
    """Return the protocol of a load."""
    base = protocol(name if name == "non-proportional" else "small-noisy")
    return replace(base, strains=LOADS[name][:frames])


def true_strain(sequence: RFSequence, reference: int, deformed: int) -> NDArray[np.float64]:
    """Axial strain (H, W) from one frame to another, on the grid of the first; NaN where tissue came in."""
    assert sequence.truth is not None
    height, width = sequence.shape[1:]
    geometry = sequence.geometry

    def motion(frame: int) -> NDArray[np.float64]:
        if frame == 0:
            return np.zeros((2, height, width))
        truth = sequence.truth.read_frame(frame)  # type: ignore[union-attr]
        samples = truth.axial_displacement_m / geometry.axial_spacing_m
        return np.stack([samples, truth.lateral_displacement_m / geometry.pitch_m]).astype(np.float64)

    first, second = motion(reference), motion(deformed)
    places = np.mgrid[:height, :width].astype(np.float64)
    origin = places
    for _ in range(6):
        there = np.stack([map_coordinates(entry, origin, order=1, mode="nearest") for entry in first])
        origin = places - there
    axial = map_coordinates(second[0] - first[0], origin, order=3, mode="nearest")
    inside = (origin >= 0).all(axis=0) & (origin[0] <= height - 1) & (origin[1] <= width - 1)
    return np.where(inside, np.gradient(axial, axis=0), np.nan)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", choices=LOADS, default="ramp")
    parser.add_argument("--pairs", default="sliding")
    parser.add_argument("--method", default="glue-stack")
    parser.add_argument("--frames", type=int, default=20, help="deformed frames at most")
    parser.add_argument("--recordings", type=int, nargs="+", default=[1])
    parser.add_argument("--seed", type=int, default=FIRST_SEED)
    given = parser.parse_args(arguments)
    preparation, device = Preparation(pairing=given.pairs), choose_device("cpu")
    for number, _, recording in loaded(given.load, given.frames).recordings(tuple(given.recordings), given.seed):
        sequence = recording.sequence()
        truth: dict[int, NDArray[np.float64]] = {}
        alone: dict[int, float] = {}
        together: dict[int, float] = {}
        stacked = 0
        settings = Settings(given.method, preparation=preparation).in_equal_window()
        for entry in run(sequence, settings, device, provisional=True):
            frame = entry.deformed_frame
            if frame not in truth:
                truth[frame] = true_strain(sequence, entry.reference_frame, frame)
            error = 100 * float(np.sqrt(np.nanmean((entry.strain.axial - truth[frame]) ** 2)))
            (alone if entry.provisional else together)[frame] = error
            stacked += not entry.provisional and entry.displacement.report["stacked"] > 0
        glue, stack = (np.array([found[frame] for frame in sorted(found)]) for found in (alone, together))
        sys.stdout.write(
            f"{given.load}, {given.pairs}, recording {number}: alone {glue.mean():.4f} %, "
            f"together {stack.mean():.4f} %, ratio {stack.mean() / glue.mean():.3f}, "
            f"of a pair {(stack / glue).min():.2f} to {(stack / glue).max():.2f}, stacked {stacked} of {len(stack)}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
