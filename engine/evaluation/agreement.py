"""How far a method can be believed where the truth is not known: halves of a recording against each other.

The deformed frames are dealt out to two halves in turn, and each half is estimated by itself, as a recording of its
own. With d_t the motion and a_t the mean strain of frame t, a half shows the pattern V = sum a_t d_t / sum a_t^2.

- *Agreement*: the correlation of the strain of both patterns. Noise of tracking differs from half to half; blur, and
  the noise of the common reference, do not, so agreement alone can be had by smoothing.
- *Prediction*: each frame is compensated for the motion s V + an affine one, V being the pattern of the half that never
  saw it, and compared with the reference. Six numbers, s and the affine motion, are fitted to the frame's own
  estimate. What is smoothed away is missing here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import ParameterError
from engine.metrics.border import interior
from engine.metrics.similarity import ncc
from engine.pipeline import Pairs, Settings, run
from engine.quality import local_correlation
from engine.types import Displacement, FrameEstimate, Map, RFSequence

if TYPE_CHECKING:
    import torch

LEAST_FRAMES = 4
"""Deformed frames below which a half would be a single one."""

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Agreement:
    """Correlation of both halves' strain, and median local correlation of each frame predicted, in order."""

    method: str
    halves: float
    predicted: tuple[float, ...]


@dataclass(frozen=True)
class _Half:
    """Frames of the recording, their estimates, and their pattern: motion in metres and strain, per mean strain."""

    frames: tuple[int, ...]
    estimates: tuple[FrameEstimate, ...]
    axial: Values
    lateral: Values
    strain: Values


def agreement(sequence: RFSequence, settings: Settings, device: "torch.device") -> Agreement:
    """Estimate both halves of a recording, and compare them.

    Parameters
    ----------
    sequence
        RF (T, H, W).
    settings
        Method, reference and preparation; strain is read in the window that all methods share.
    device
        Where to compute.

    Returns
    -------
    Agreement
        Correlation of the strain of both halves, and how well each predicts the other's frames.

    Raises
    ------
    ParameterError
        Fewer than four deformed frames.
    """
    others = [frame for frame in range(sequence.shape[0]) if frame != settings.reference]
    if len(others) < LEAST_FRAMES:
        raise ParameterError(f"{sequence.name}: halves need at least {LEAST_FRAMES} frames besides the reference")
    settings = settings.in_equal_window()
    first, second = (_half(sequence, others[start::2], settings, device) for start in (0, 1))
    rows, lines = interior(sequence.shape[1:], sequence.geometry, first.estimates[0].strain.window_m)
    one, other = (np.asarray(half.strain[rows, lines], np.float32) for half in (first, second))
    pairs = Pairs(sequence, settings.preparation, settings.reference, lambda: False)
    found = {
        frame: float(np.median(quality[rows, lines][quality[rows, lines] > 0]))
        for half, rest in ((first, second), (second, first))
        for frame, quality in _predicted(pairs, half, rest, device)
    }
    return Agreement(settings.method, ncc(one, other).value, tuple(found[frame] for frame in others))


def _half(sequence: RFSequence, frames: Sequence[int], settings: Settings, device: "torch.device") -> _Half:
    chosen = [settings.reference, *frames]
    alone = RFSequence.from_array(np.stack([sequence.frame(frame) for frame in chosen]), sequence.geometry)
    own = Settings(
        settings.method,
        settings.parameters,
        preparation=settings.preparation,
        strain_method=settings.strain_method,
        strain_parameters=settings.strain_parameters,
    )
    estimates = tuple(run(alone, own, device))
    means = [float(np.nanmean(entry.strain.axial)) for entry in estimates]
    total = sum(mean * mean for mean in means)
    axial, lateral, strain = (
        sum(mean * values.astype(np.float64) for mean, values in zip(means, maps, strict=True)) / total
        for maps in (
            [entry.displacement.axial_m for entry in estimates],
            [entry.displacement.lateral_m for entry in estimates],
            [entry.strain.axial for entry in estimates],
        )
    )
    return _Half(tuple(frames), estimates, np.asarray(axial), np.asarray(lateral), np.asarray(strain))


def _predicted(pairs: Pairs, half: _Half, other: _Half, device: "torch.device") -> Iterator[tuple[int, Map]]:
    """Local correlation of each frame of one half, compensated by the pattern of the other."""
    for frame, estimate in zip(half.frames, half.estimates, strict=True):
        own = estimate.displacement
        motion = Displacement(_fitted(other.axial, own.axial_m), _fitted(other.lateral, own.lateral_m), own.geometry)
        yield frame, local_correlation(pairs.of(frame), motion, device)


def _fitted(pattern: Values, own: Map) -> Map:
    """Return s times the pattern plus an affine motion, fitted to a frame's own motion, both (H, W)."""
    rows, lines = (np.linspace(-1, 1, size) for size in own.shape)
    places = np.meshgrid(rows, lines, indexing="ij")
    terms = np.stack([pattern, np.ones_like(pattern), *places], axis=-1)
    known = np.isfinite(own) & np.isfinite(pattern)
    weights, *_ = np.linalg.lstsq(terms[known], own[known].astype(np.float64), rcond=None)
    return np.asarray(terms @ weights, dtype=np.float32)
