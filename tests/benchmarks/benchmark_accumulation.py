"""Strain added up over the small steps of a freehand compression, beside single pairs.

    python -m tests.benchmarks.benchmark_accumulation [--method glue] [--frames 20] [--recordings 1] [--last 0.04]

Noisy recordings (those of `small-noisy`, other loads) are compressed evenly up to the last frame, with shift, shear and
tilt of a hand. Errors are RMS of axial strain over the true mean strain of the frame, in percent: of single pairs with
frame 0, the best of them, and of the steps added up to the last frame.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.device import choose_device
from engine.evaluation.sets import FIRST_SEED
from engine.metrics.accuracy import strain_accuracy
from engine.pipeline import Preparation, Settings, run
from engine.simulation.protocols import protocol
from engine.types import FrameEstimate, RFSequence


def relative_error(sequence: RFSequence, estimate: FrameEstimate) -> float:
    """RMS error of axial strain in percent of the frame's true mean strain."""
    assert sequence.truth is not None
    truth = sequence.truth.read_frame(estimate.deformed_frame)
    return strain_accuracy(estimate.strain, truth)["strain_rmse"].value / abs(float(truth.axial_strain.mean()))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="glue")
    parser.add_argument("--frames", type=int, default=20)
    parser.add_argument("--recordings", type=int, default=1)
    parser.add_argument("--last", type=float, default=0.04)
    given = parser.parse_args(arguments)
    strains = tuple(round(given.last * k / given.frames, 6) for k in range(1, given.frames + 1))
    freehand = replace(protocol("small-noisy"), strains=strains)
    numbers = tuple(range(1, given.recordings + 1))
    for number, _, recording in freehand.recordings(numbers, FIRST_SEED):
        sequence, device = recording.sequence(), choose_device("cpu")
        pairs = run(sequence, Settings(given.method), device)
        single = {entry.deformed_frame: relative_error(sequence, entry) for entry in pairs}
        added = Settings(given.method, frames=(given.frames,), preparation=Preparation(pairing="sliding added up"))
        (total,) = run(sequence, added, device)
        error, best = relative_error(sequence, total), min(single, key=lambda frame: single[frame])
        valid = float(np.isfinite(total.strain.axial).mean())
        sys.stdout.write(
            f"{given.method}, recording {number}: added up to frame {given.frames}: {error:.2f} % "
            f"(valid {100 * valid:.0f} %, drift {1e6 * total.displacement.report['drift_m']:.2g} um); "
            f"best single pair 0-{best}: {single[best]:.2f} %, 0-{given.frames}: {single[given.frames]:.2f} %; "
            f"ratio {error / single[best]:.2f}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
