"""How far a network follows motion that nothing has aligned: `python scripts/large_motion.py DATA.h5 [WEIGHTS ...]`.

Each frame of a recording with truth is given to a coarse network (FlowNet 2.0, GLUENet's first half) beside the
reference as it is. Printed are the largest true axial motion, the root mean square error over all pixels, valid or not,
and the slope of found on true motion, which is 1 where it is followed and 0 where it is not.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

from engine.errors import ReadError, StrainscopeError
from engine.estimators.base import ESTIMATORS
from engine.preprocess.pairing import normalise
from engine.readers.open import open_recording


def main() -> None:
    """Print a line for each set of weights and frame."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recording", type=Path)
    parser.add_argument("weights", nargs="*", help="Weights of flownet2, by name or path; those in the box without any")
    chosen = parser.parse_args()
    try:
        measure(chosen.recording, chosen.weights or [""])
    except StrainscopeError as error:
        parser.error(str(error))


def measure(recording: Path, several: list[str]) -> None:
    """Run each of several weights over a recording."""
    sequence = open_recording([recording]).complete(accept_suggested=True)
    if sequence.truth is None:
        raise ReadError(recording, "has no truth")
    if sequence.shape[0] < 2:
        raise ReadError(recording, "has one frame: there is no motion")
    network, frames = ESTIMATORS.get("flownet2"), range(1, sequence.shape[0])
    for weights in several:
        pairs = (normalise(sequence.frame(0), sequence.frame(frame), sequence.geometry) for frame in frames)
        found = network.track(pairs, network.Params.from_text({"weights": weights}), torch.device("cpu"))
        for frame, motion in zip(frames, found, strict=True):
            truth = sequence.truth.read_frame(frame).axial_displacement_m / sequence.geometry.axial_spacing_m
            seen = np.isfinite(motion.axial_samples)
            error = float(np.sqrt(np.mean((motion.axial_samples - truth)[seen] ** 2)))
            slope = float(np.polyfit(truth[seen], motion.axial_samples[seen], 1)[0])
            sys.stdout.write(
                f"{Path(weights).stem or 'in the box'}, frame {frame}: up to {np.abs(truth).max():.0f} samples, "
                f"error {error:.2f} samples, slope {slope:.2f}\n"
            )


if __name__ == "__main__":
    main()
