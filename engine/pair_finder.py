"""Which frames to compare: pairs of a recording ranked, the best reference and lag, and its cycles of compression.

First each frame is compared with the one before it, in a strip of lines, by windows (NCC): the mean strains add up to a
trace of compression, whose turning points are cycles. Then a few dozen pairs are tried, between frames that are spread
over the recording, turning points among them. A pair is as good as its strain stands above its uncertainty, times the
share of the map that is valid.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.device import choose_device
from engine.errors import ParameterError
from engine.pairs import Pairing
from engine.pipeline import Cancelled, Preparation, Progress, Settings, run
from engine.reliability.frame import judge
from engine.types import RFSequence

if TYPE_CHECKING:
    import torch

METHOD = "ncc"
STRIP_LINES = 40
"""Neighbouring lines in the middle of the frames that are looked at."""
MOST_FRAMES = 200
"""Frames of the trace; of longer recordings the first so many are looked at."""
SPREAD = 7
"""Frames, evenly spread, that are tried with each other, beside the turning points."""
LAGS = (1, 2, 3, 5, 8, 12)
TRIES_PER_LAG = 3
LEAST_CYCLE = 2e-3
"""Compression that a cycle has at least; smaller wiggles are a hand's."""


@dataclass(frozen=True)
class PairScore:
    """One pair: mean axial strain (compression negative), median quality, valid share, and strain over sigma.

    `score` is the last two multiplied.
    """

    reference: int
    deformed: int
    mean_strain: float
    quality: float
    valid_share: float
    strain_to_sigma: float

    @property
    def score(self) -> float:
        """How good the pair is; 0 where nothing is known."""
        return self.valid_share * self.strain_to_sigma if np.isfinite(self.strain_to_sigma) else 0.0


@dataclass(frozen=True)
class PairReport:
    """All that was found; `pairs` from the best on, `compression` of each frame since the first, positive.

    `cycles` are pairs of frames, at rest and most compressed. Where there is no pair of any use there is no best.
    """

    pairs: tuple[PairScore, ...]
    best_reference: int | None
    best_lag: int | None
    cycles: tuple[tuple[int, int], ...]
    compression: tuple[float, ...]

    def words(self) -> tuple[str, ...]:
        """Say in sentences what to choose."""
        if not self.pairs:
            return ("no pair of frames matches",)
        best = self.pairs[0]
        told = [f"best pair {best.reference}-{best.deformed}: {-100 * best.mean_strain:.2g} % compression"]
        told += [f"best fixed reference: frame {self.best_reference}"] * (self.best_reference is not None)
        told += [f"best lag: {self.best_lag}"] * (self.best_lag is not None)
        if self.cycles:
            listed = ", ".join(f"{rest}-{pressed}" for rest, pressed in self.cycles)
            told.append(f"cycles of compression, at rest and most compressed: {listed}")
        if len(self.cycles) > 1:
            peaks = ",".join(str(pressed) for _, pressed in self.cycles)
            told.append(
                f"to average them: --reference {self.cycles[0][0]} --frames {peaks}, then --average {len(self.cycles)}"
            )
        return tuple(told)


def find_pairs(
    sequence: RFSequence,
    device: "torch.device | None" = None,
    progress: Progress = lambda done, total: None,
    cancelled: Cancelled = lambda: False,
) -> PairReport:
    """Look through a recording and rank pairs of its frames.

    Parameters
    ----------
    sequence
        RF (T, H, W); of long recordings, frames evenly spread are looked at.
    device
        Where to compute; None takes the best there is.
    progress, cancelled
        Told (done, total), and asked, after each frame.

    Returns
    -------
    PairReport
        Pairs, best first, each with mean strain (negative in compression), quality, valid share and strain over sigma;
        the best reference and lag, the cycles of pressing, and the compression (T,) of each frame.

    Raises
    ------
    ParameterError
        The recording holds one frame.
    CancelledError
        `cancelled` said so.

    >>> find_pairs(sequence).words()  # doctest: +SKIP
    ('best pair 0-9: 1.8 % compression', 'best fixed reference: frame 0', 'best lag: 5')
    """
    total = min(sequence.shape[0], MOST_FRAMES)
    if total < 2:
        raise ParameterError(f"{sequence.name} holds one frame: a pair needs two")
    device = choose_device() if device is None else device
    strip = _strip(sequence)
    compression = np.zeros(total)
    steps = {}
    for frame in range(1, total):
        steps[frame] = _tried(strip, frame - 1, frame, device, cancelled)
        step = steps[frame].mean_strain
        compression[frame] = compression[frame - 1] - (step if np.isfinite(step) else 0.0)
        progress(frame, total - 1)
    cycles = cycles_of(compression)
    known = {(entry.reference, entry.deformed): entry for entry in steps.values()}
    for reference, deformed in _candidates(total, cycles):
        if (reference, deformed) not in known:
            known[reference, deformed] = _tried(strip, reference, deformed, device, cancelled)
    useful = [entry for entry in known.values() if entry.score > 0]
    ranked = sorted(useful, key=lambda entry: (-entry.score, entry.reference, entry.deformed))
    return PairReport(
        tuple(ranked),
        _best_of({entry: entry.reference for entry in useful}),
        _best_of({entry: lag for entry in useful if (lag := entry.deformed - entry.reference) in LAGS}),
        cycles,
        tuple(float(value) for value in compression),
    )


def cycles_of(compression: NDArray[np.float64]) -> tuple[tuple[int, int], ...]:
    """Return the cycles in a trace of compression (T,): frames at rest, each with the most compressed one after it.

    >>> cycles_of(np.array([0, 1, 2, 1, 0, 1, 2.0]) / 100)
    ((0, 2), (4, 6))
    """
    from scipy.signal import find_peaks  # slow to import, and the window imports this module

    least = max(LEAST_CYCLE, 0.3 * float(np.ptp(compression)))
    ends = np.full(1, -np.inf)  # so that a trace may begin and end at a turning point
    peaks, _ = find_peaks(np.concatenate([ends, compression, ends]), prominence=least)
    found = []
    rest_from = 0
    for peak in peaks - 1:
        rest = rest_from + int(np.argmin(compression[rest_from : peak + 1]))
        if compression[peak] - compression[rest] >= least:
            found.append((rest, int(peak)))
        rest_from = int(peak)
    return tuple(found)


def _strip(sequence: RFSequence) -> RFSequence:
    """Return the recording's middle lines alone."""
    frames, rows, lines = sequence.shape
    first = max(lines - STRIP_LINES, 0) // 2
    kept = slice(first, first + min(lines, STRIP_LINES))
    return RFSequence((frames, rows, kept.stop - kept.start), sequence.geometry, lambda k: sequence.frame(k)[:, kept])


def _candidates(total: int, cycles: tuple[tuple[int, int], ...]) -> Iterator[tuple[int, int]]:
    """Give the pairs that are tried: spread frames and turning points, earlier ones as references, and every lag."""
    turning = [frame for pair in cycles[:3] for frame in pair]
    spread = [round(place) for place in np.linspace(0, total - 1, min(SPREAD, total))]
    chosen = sorted({*turning, *spread})
    yield from ((first, second) for first in chosen for second in chosen if first < second)
    for lag in LAGS:
        if lag < total:
            starts = np.linspace(0, total - 1 - lag, min(TRIES_PER_LAG, total - lag))
            yield from ((round(start), round(start) + lag) for start in starts)


def _tried(strip: RFSequence, reference: int, deformed: int, device: "torch.device", cancelled: Cancelled) -> PairScore:
    pair = Pairing(listed=((reference, deformed),)).text
    settings = Settings(METHOD, preparation=Preparation(pairing=pair))
    (estimate,) = run(strip, settings, device, cancelled=cancelled)
    judged = judge(estimate)
    valid = np.isfinite(estimate.strain.axial)
    mean = float(estimate.strain.axial[valid].mean()) if valid.any() else float("nan")
    return PairScore(reference, deformed, mean, judged.correlation, judged.valid_share, judged.strain_to_sigma)


def _best_of(groups: Mapping[PairScore, int]) -> int | None:
    """Return the group whose pairs have the highest median score, of those with at least half as many as the most."""
    scores: dict[int, list[float]] = {}
    for entry, group in groups.items():
        scores.setdefault(group, []).append(entry.score)
    most = max((len(found) for found in scores.values()), default=0)
    fair = {group: float(np.median(found)) for group, found in scores.items() if 2 * len(found) >= most}
    return max(fair, key=lambda group: (fair[group], -group)) if fair else None
