"""Whether a causal filter in the pattern domain pays: each frame by GLUE, then the pattern of all frames up to it.

    python -m tests.benchmarks.benchmark_causal [--load ramp] [--frames 10] [--recordings 1]

The live form of the whole recording's estimate (a Kalman filter of a pattern that stays as it is): each frame's axial
displacement d is c V, V the mean of all d / c so far with weights c^2, c the slope of the row medians; an affine motion
of the frame's own is added back. Errors are RMS of axial strain in % in a window of 2 mm, against the true gradient.
"""

import argparse
import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from engine.device import choose_device
from engine.metrics.base import DEFAULT_WINDOW_M
from engine.pipeline import Settings, run
from tests.benchmarks.benchmark_sliding import LOADS, loaded, true_strain

TUNING_SEED = 4711


def affine(field: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least-squares plane of a field (H, W)."""
    rows, lines = (np.arange(size) - (size - 1) / 2 for size in field.shape)
    down = rows @ (field.mean(axis=1)) / (rows @ rows)
    across = field.mean(axis=0) @ lines / (lines @ lines)
    plane: NDArray[np.float64] = field.mean() + down * rows[:, None] + across * lines
    return plane


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--load", choices=LOADS, default="ramp")
    parser.add_argument("--frames", type=int, default=10, help="deformed frames at most")
    parser.add_argument("--recordings", type=int, nargs="+", default=[1])
    parser.add_argument("--seed", type=int, default=TUNING_SEED)
    given = parser.parse_args(arguments)
    for number, _, recording in loaded(given.load, given.frames).recordings(tuple(given.recordings), given.seed):
        sequence = recording.sequence()
        window = round(DEFAULT_WINDOW_M / sequence.geometry.axial_spacing_m) // 2 * 2 + 1
        pattern, weight, ratios = np.zeros(sequence.shape[1:]), 0.0, []
        for entry in run(sequence, Settings("glue"), choose_device("cpu")):
            own = np.nan_to_num(entry.displacement.axial_samples.astype(np.float64))
            truth = true_strain(sequence, 0, entry.deformed_frame)
            seen = np.isfinite(truth) & np.isfinite(entry.displacement.axial_samples)
            seen[:window] = seen[-window:] = False
            amplitude = float(np.polyfit(np.arange(len(own)), np.median(own, axis=1), 1)[0])
            pattern, weight = pattern + amplitude * own, weight + amplitude**2
            filtered = amplitude * pattern / weight
            filtered += affine(own - filtered)
            alone, causal = (
                100 * float(np.sqrt(np.mean((savgol_filter(axial, window, 1, deriv=1, axis=0) - truth)[seen] ** 2)))
                for axial in (own, filtered)
            )
            ratios.append(causal / alone)
            sys.stdout.write(f"frame {entry.deformed_frame}: alone {alone:.4f} %, causal {causal:.4f} %\n")
        sys.stdout.write(
            f"{given.load}, recording {number}: ratio {np.mean(ratios):.3f}, {min(ratios):.2f} to {max(ratios):.2f}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
