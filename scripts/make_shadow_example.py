"""Make shadow.h5, a recording of what must stay empty: a shadow, a vessel whose blood decorrelates, and no echo below.

Run `python scripts/make_shadow_example.py` from the top of the repository; the same code gives the same bytes.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from engine.simulation.protocols import protocol
from engine.simulation.write import write_recording
from engine.types import Ellipse, Map, RFSequence

SEED = 1_000_654
PHANTOM, OTHER = 3, 4
"""The phantom that is shown, and the one whose speckle is the blood of each frame."""
FRAMES = (0, 1, 2)
VESSEL = Ellipse(-5.0e-3, 14.0e-3, 2.6e-3, 2.2e-3)
SHADOW_M = (6.0e-3, 7.0e-3)
"""Depth below which, and lateral position to the right of which nothing but noise is received."""
NOISE = 0.02
LAST_ECHO_M = 18.2e-3
"""Depth of the last echo; below there are zeros, as some scanners write them."""


def main(folder: Path) -> None:
    """Write the recording into a folder."""
    made = protocol("small-noisy")
    first, other = (next(made.recordings((number,), SEED))[2].sequence() for number in (PHANTOM, OTHER))
    geometry, (_, rows, lines) = first.geometry, first.shape
    depths, laterals = geometry.depths_m(rows)[:, None], geometry.laterals_m(lines)[None, :]
    blood = VESSEL.mask((rows, lines), geometry)
    shadow = (depths > SHADOW_M[0]) & (laterals > SHADOW_M[1])
    random = np.random.default_rng(SEED)

    def frame(index: int) -> Map:
        tissue, stranger = first.frame(FRAMES[index]), np.roll(other.frame(FRAMES[index]), 37 * index, axis=1)
        seen = np.where(blood, 0.5 * stranger, tissue)
        noise = NOISE * tissue.std() * random.standard_normal(tissue.shape)
        seen = np.where(shadow, noise, seen)
        shown: Map = np.where(depths > LAST_ECHO_M, 0.0, seen).astype(np.float32)
        return shown

    frames = np.stack([frame(index) for index in range(len(FRAMES))])
    recording = replace(RFSequence.from_array(frames, geometry), truth=first.truth)
    write_recording(folder / "shadow.h5", recording, with_truth=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("resources/examples"))
