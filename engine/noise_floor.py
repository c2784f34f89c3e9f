"""The noise floor of a recording: how much strain its most still pair of neighbouring frames shows that is none.

A pair without motion has no strain; what an estimator finds there is noise, and no smaller strain can be told from
none. A recording seldom holds such a pair, so the pair that moves least is taken and its mean strain, a plane, is taken
off: what remains is an upper limit, since tissue that was strained a little adds its own pattern. The estimate forward
and backward cannot serve instead: both share the noise of the same two frames.
"""

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from engine.device import choose_device
from engine.errors import ParameterError
from engine.pipeline import Preparation, Settings, run
from engine.preprocess.alignment import bulk_motion
from engine.preprocess.pairing import normalise
from engine.types import Map, Provenance, RFSequence

if TYPE_CHECKING:
    import torch

METHOD = "ncc"
"""Windows alone: a method with a prior would show less noise where it smooths more."""
MOST_PAIRS = 12
"""Pairs of neighbours, spread over the recording, among which the most still one is looked for."""
_LEAST_PIXELS = 100
_TO_DEVIATION = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True)
class NoiseFloor:
    """Standard deviation of the strain between two frames that hardly moved, as a fraction.

    `mean_strain` is the strain between them (compression negative), `valid_share` the part of the map that counts,
    `window_m` the strain window. The deviation is NaN where the frames do not match.
    """

    frames: tuple[int, int]
    deviation: float
    mean_strain: float
    valid_share: float
    window_m: float

    def words(self) -> str:
        """Say it in a sentence, in per cent."""
        reference, deformed = self.frames
        pair = f"frames {reference} and {deformed}, the most still neighbours"
        if not np.isfinite(self.deviation):
            return f"noise floor unknown: {pair}, do not match"
        how = f"{METHOD}, {1e3 * self.window_m:.2g} mm window"
        mean = f"{abs(100 * self.mean_strain):.2g} % mean strain"
        return f"noise floor of strain at most {100 * self.deviation:.2g} % ({how}; {pair}: {mean})"


def kept_in(provenance: Provenance, found: NoiseFloor) -> Provenance:
    """Keep a recording's noise floor in the provenance of a result of it."""
    told = {**asdict(found), "frames": list(found.frames), "method": METHOD}
    return replace(provenance, parameters={**provenance.parameters, "noise_floor": told})


def noise_floor(sequence: RFSequence, device: "torch.device | None" = None) -> NoiseFloor:
    """Measure the noise floor of a recording (T, H, W).

    Parameters
    ----------
    sequence
        Frames with a complete geometry.
    device
        Where torch computes; None for CUDA where there is one.

    Returns
    -------
    NoiseFloor
        Of the pair of neighbours that moves least among up to `MOST_PAIRS`.

    Raises
    ------
    ParameterError
        For a recording of one frame.
    """
    total = sequence.shape[0]
    if total < 2:
        raise ParameterError(f"{sequence.name} holds one frame: a noise floor needs two")
    device = choose_device() if device is None else device
    firsts = np.unique(np.round(np.linspace(0, total - 2, min(MOST_PAIRS, total - 1))).astype(int))
    first = min((int(frame) for frame in firsts), key=lambda frame: _motion(sequence, frame, device))
    settings = Settings(METHOD, reference=first, frames=(first + 1,), preparation=Preparation())
    (estimate,) = run(sequence, settings, device)
    strain = estimate.strain.axial
    valid = np.isfinite(strain)
    known = valid.sum() >= _LEAST_PIXELS
    return NoiseFloor(
        (first, first + 1),
        _deviation(strain, valid) if known else float("nan"),
        float(strain[valid].mean(dtype=np.float64)) if known else float("nan"),
        float(valid.mean()),
        estimate.strain.window_m,
    )


def _motion(sequence: RFSequence, first: int, device: "torch.device") -> float:
    """Return the size of the mean strain between two neighbours."""
    pair = normalise(sequence.frame(first), sequence.frame(first + 1), sequence.geometry)
    return abs(bulk_motion(pair, device).report["axial_strain"])


def _deviation(strain: Map, valid: np.ndarray) -> float:
    """Robust deviation about the plane that fits the valid pixels best."""
    rows, lines = np.nonzero(valid)
    values = strain[valid].astype(np.float64)
    plane = np.stack([np.ones(rows.size), rows / strain.shape[0], lines / strain.shape[1]], axis=1)
    rest = values - plane @ np.linalg.lstsq(plane, values, rcond=None)[0]
    return float(_TO_DEVIATION * np.median(np.abs(rest - np.median(rest))))
