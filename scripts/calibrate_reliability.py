"""Fit what `engine.reliability.sigma` states to the errors on training recordings: `resources/reliability.json`.

    python scripts/calibrate_reliability.py glue ncc usse-net musse-net

Recordings are simulated from a seed below those of every evaluation set. Methods that are not named keep what is stored
of them, and so do maps. A classical method takes some minutes of a core, MUSSE-Net a quarter of an hour.
"""

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from engine.device import choose_device
from engine.estimators.base import ESTIMATORS, RecordingEstimator
from engine.evaluation.sets import FIRST_SEED
from engine.metrics.accuracy import comparable, true_lateral_strain, true_shear_strain
from engine.pipeline import Settings, run
from engine.reliability.fit import Errors, fit_scales
from engine.reliability.sigma import MAPS, ComponentName, Scales, least_window_m, noise_share, parts_of
from engine.simulation.protocols import protocol
from engine.strain.tensor import strain_tensor
from engine.types import FrameEstimate, FrameTruth, RFSequence, Truth

SEED = 4242
assert SEED < FIRST_SEED
RECORDINGS = {
    "small-noisy": (1, 2, 3, 4),
    "noisy": (1, 2, 3, 4),
    "clean": (1, 2, 3, 4, 5, 6),
    "robustness": tuple(range(1, 13)),
}
STEP = (16, 5)
"""Every 16th sample of every fifth line: neighbours err alike."""

TARGET = Path(__file__).parents[1] / "resources" / "reliability.json"


def main() -> None:
    """Measure the methods' errors, fit, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("methods", nargs="+")
    parser.add_argument("--maps", nargs="+", choices=MAPS, default=MAPS, help="fit these alone, keep the others")
    given = parser.parse_args()
    methods: list[str] = given.methods
    errors: dict[str, dict[str, list[Errors]]] = {method: {name: [] for name in given.maps} for method in methods}
    for sequence, truth in recordings():
        for method in methods:
            for estimate in run(sequence, Settings(method), choose_device("auto")):
                true = truth.read_frame(estimate.deformed_frame)
                if isinstance(ESTIMATORS.get(method), RecordingEstimator) and math.isnan(
                    noise_share(estimate.displacement)
                ):
                    continue  # its errors are those of a pair alone
                found = frame_errors(estimate, true, least_window_m(method))
                for name, kept in errors[method].items():
                    kept.append(found[name])
    stored = json.loads(TARGET.read_text(encoding="utf-8"))
    for method, maps in errors.items():
        fitted = {name: rounded(fit_scales(samples)) for name, samples in maps.items()}
        stored["methods"].setdefault(method, {}).update(fitted)
    TARGET.write_text(json.dumps(stored, indent=1) + "\n", encoding="utf-8")


def rounded(scales: Scales) -> dict[str, list[float]]:
    """Return the numbers of both power laws to six digits."""
    return {name: [float(f"{value:.6g}") for value in values] for name, values in asdict(scales).items()}


def recordings() -> Iterator[tuple[RFSequence, Truth]]:
    """Simulate one recording after the other: the frames and their truth."""
    for family, numbers in RECORDINGS.items():
        for _, _, recording in protocol(family).recordings(numbers, SEED):
            sequence = recording.sequence()
            assert sequence.truth is not None
            yield sequence, sequence.truth


def frame_errors(estimate: FrameEstimate, truth: FrameTruth, least_window_m: float) -> dict[str, Errors]:
    """Take a sample of the errors of one frame, by map."""
    strain, displacement = estimate.strain, estimate.displacement
    tensor = strain_tensor(displacement, strain, estimate.quality)
    geometry = strain.geometry
    known = comparable(truth, geometry, strain.window_m) & np.isfinite(strain.axial)
    some = np.zeros_like(known)
    some[:: STEP[0], :: STEP[1]] = True
    differences = {
        "axial_strain": strain.axial - truth.axial_strain,
        "axial_displacement_m": displacement.axial_m - truth.axial_displacement_m,
        "lateral_displacement_m": displacement.lateral_m - truth.lateral_displacement_m,
        "lateral_strain": tensor.lateral - true_lateral_strain(truth, geometry),
        "shear_strain": tensor.shear - true_shear_strain(truth, geometry),
    }
    parts = parts_of(strain, estimate.quality, least_window_m, noise_share(displacement))
    half = geometry.window_lines(strain.lateral_window_m) // 2
    found = {}
    for name, difference in differences.items():
        used = known & some & np.isfinite(difference)
        if name in get_args(ComponentName):  # their windows are cut short at the sides
            used[:, :half] = used[:, used.shape[1] - half :] = False
        found[name] = Errors(difference[used].astype(np.float64), parts[name].at(torch.from_numpy(used)))
    return found


if __name__ == "__main__":
    main()
