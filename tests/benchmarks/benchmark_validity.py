"""Share of pixels that get a strain where there is none: `python -m tests.benchmarks.benchmark_validity METHOD...`.

Frames with nothing in common (other phantoms, the reference mirrored and turned over, white noise), and matching
frames with zones that hold no echo; of a clean and a noisy protocol, at a seed that nothing was tuned on.
"""

import sys

import numpy as np

from engine.device import choose_device
from engine.evaluation.sets import FIRST_SEED
from engine.pipeline import Settings, run
from engine.simulation.protocols import protocol
from engine.types import RFSequence

SEED = FIRST_SEED + 77
ROWS, LINES = slice(0, 1024), slice(0, 64)
EMPTY = ((slice(0, 150), slice(None)), (slice(850, None), slice(None)), (slice(400, 600), slice(24, 44)))
"""Zones of zeros: above, below, and a hole."""

EDGE = 12
"""Samples and lines around a zone that are not counted as empty: motion carries echoes across its border."""


def main() -> None:
    """Print a line for each protocol and method: unrelated frames, zones without echo, and what lies between them."""
    for name in ("clean", "small-noisy"):
        recordings = [entry.sequence() for _, _, entry in protocol(name).recordings((1, 2, 3), SEED, draws=1)]
        still = recordings[0]
        frames = [entry.frame(1)[ROWS, LINES] for entry in recordings]
        reference = still.frame(0)[ROWS, LINES]
        noise = np.random.default_rng(SEED).standard_normal(reference.shape).astype(np.float32)
        noise *= reference.std()
        unlike = np.stack([reference, frames[1], frames[2], reference[:, ::-1], reference[::-1], noise])
        alike = np.stack([still.frame(index)[ROWS, LINES] for index in range(3)])
        empty, full = np.zeros(reference.shape, bool), np.ones(reference.shape, bool)
        for rows, lines in EMPTY:
            alike[(slice(None), rows, lines)] = 0
            empty[rows, lines] = True
            full[_wider(rows), _wider(lines)] = False
        inner = empty & ~_near(~empty)
        for method in sys.argv[1:]:
            shares = _valid(unlike, still, method)
            kept = _valid(alike, still, method)
            worst = 100 * max(float(entry.mean()) for entry in shares)
            inside = 100 * max(float(entry[inner].mean()) for entry in kept)
            between = 100 * min(float(entry[full].mean()) for entry in kept)
            sys.stdout.write(
                f"{name:12} {method:12} unrelated frames valid {worst:.2f} % at most, zones without echo {inside:.2f} %"
                f", what lies between {between:.1f} % at least\n"
            )
            sys.stdout.flush()


def _valid(frames: np.ndarray, like: RFSequence, method: str) -> list[np.ndarray]:
    sequence = RFSequence.from_array(np.ascontiguousarray(frames), like.geometry)
    return [np.isfinite(entry.strain.axial) for entry in run(sequence, Settings(method), choose_device("cpu"))]


def _wider(part: slice) -> slice:
    start = 0 if part.start is None else max(part.start - EDGE, 0)
    return slice(start, None if part.stop is None else part.stop + EDGE)


def _near(mask: np.ndarray) -> np.ndarray:
    from scipy.ndimage import binary_dilation

    grown: np.ndarray = binary_dilation(mask, np.ones((2 * EDGE + 1, 3)))
    return grown


if __name__ == "__main__":
    main()
