"""Whether stated uncertainties are true: errors divided by sigma, in bins of sigma, of noise and of strain.

Where sigma is right, (estimate - truth) / sigma has a root mean square of one in every bin, and 95 % of the errors lie
within 1.96 sigma.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import ParameterError
from engine.evaluation.plot import check_plot
from engine.evaluation.sets import EvaluationCase
from engine.files.atomic import atomic_path
from engine.metrics.accuracy import comparable
from engine.pipeline import Settings, run
from engine.types import FrameEstimate, FrameTruth

if TYPE_CHECKING:
    import torch

Values = NDArray[np.float64]

SIGMA_BINS = 6
STEP = (8, 3)
"""Every eighth sample of every third line: neighbours err alike."""

COVERED = 1.959964
"""Deviations within which 95 % of a Gaussian's values lie."""


@dataclass(frozen=True)
class FrameErrors:
    """Axial strain of one frame against the truth: errors (n,) and their stated deviations (n,), as fractions.

    `valid` is the share of the comparable pixels that have a strain; `level` the applied strain.
    """

    method: str
    case: str
    frame: int
    level: float
    valid: float
    error: Values
    sigma: Values


@dataclass(frozen=True)
class Bin:
    """Errors of one bin: root mean square of error over sigma, share within 95 %, and what the bin is of."""

    group: str
    label: str
    count: int
    sigma_percent: float
    rms_percent: float
    ratio: float
    covered_percent: float


def collect(
    cases: Iterable[EvaluationCase],
    methods: Sequence[Settings],
    device: "torch.device",
    progress: Callable[[str, int], None] = lambda case, done: None,
) -> tuple[FrameErrors, ...]:
    """Run every method on every recording and keep a sample of the errors; without a method it is a ParameterError."""
    if not methods:
        raise ParameterError("there is no method to calibrate")
    found: list[FrameErrors] = []
    for done, case in enumerate(cases, 1):
        for settings in methods:
            for estimate in run(case.sequence, settings, device):
                frame = estimate.deformed_frame
                truth = case.truth.read_frame(frame)
                found.append(errors_of(settings.row, case.name, case.level(frame, truth), estimate, truth))
        progress(case.name, done)
    return tuple(found)


def errors_of(method: str, case: str, level: float, estimate: FrameEstimate, truth: FrameTruth) -> FrameErrors:
    """Take a sample of one frame's errors, where it has a strain; without uncertainties a ParameterError."""
    if estimate.sigma is None:
        raise ParameterError(f"{case}: the estimate states no uncertainty")
    strain = estimate.strain
    wanted = comparable(truth, strain.geometry, strain.window_m)
    some = np.zeros_like(wanted)
    some[:: STEP[0], :: STEP[1]] = True
    valid = np.isfinite(strain.axial)
    used = wanted & some & valid
    return FrameErrors(
        method,
        case,
        estimate.deformed_frame,
        round(level, 4),
        float(valid[wanted].mean()) if wanted.any() else float("nan"),
        (strain.axial[used] - truth.axial_strain[used]).astype(np.float64),
        estimate.sigma.axial_strain[used].astype(np.float64),
    )


def reliability(frames: Sequence[FrameErrors]) -> tuple[Bin, ...]:
    """Put one method's errors into bins: all, by stated sigma, by recording (its noise) and by strain."""
    error = np.concatenate([entry.error for entry in frames])
    sigma = np.concatenate([entry.sigma for entry in frames])
    counts = [entry.error.size for entry in frames]
    case = np.repeat([entry.case for entry in frames], counts)
    level = np.repeat([entry.level for entry in frames], counts)
    bins = [_bin("all", "all", error, sigma)]
    edges = np.quantile(sigma, np.linspace(0, 1, SIGMA_BINS + 1)) if sigma.size else np.zeros(SIGMA_BINS + 1)
    place = np.clip(np.searchsorted(edges, sigma, side="right") - 1, 0, SIGMA_BINS - 1)
    for number in range(SIGMA_BINS):
        inside = place == number
        label = f"{100 * edges[number]:.3f} to {100 * edges[number + 1]:.3f} %"
        bins.append(_bin("sigma", label, error[inside], sigma[inside]))
    for name in dict.fromkeys(case.tolist()):
        bins.append(_bin("recording", str(name), error[case == name], sigma[case == name]))
    for value in sorted(set(level.tolist())):
        bins.append(_bin("strain", f"{100 * value:g} %", error[level == value], sigma[level == value]))
    return tuple(bins)


def _bin(group: str, label: str, error: Values, sigma: Values) -> Bin:
    if not error.size:
        return Bin(group, label, 0, *[float("nan")] * 4)
    normalised = error / sigma
    return Bin(
        group,
        label,
        error.size,
        100 * float(np.sqrt(np.mean(sigma**2))),
        100 * float(np.sqrt(np.mean(error**2))),
        float(np.sqrt(np.mean(normalised**2))),
        100 * float(np.mean(np.abs(normalised) <= COVERED)),
    )


def plot_reliability(bins: dict[str, tuple[Bin, ...]], path: Path) -> None:
    """Draw the reliability diagram: error found over error stated, a point a bin, one colour a method."""
    check_plot(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5, 4.2), layout="constrained")
    axis = figure.subplots()
    markers = {"sigma": "o", "recording": "x", "strain": "s"}
    ends: list[float] = []
    for number, (method, found) in enumerate(bins.items()):
        for group, marker in markers.items():
            shown = [entry for entry in found if entry.group == group and entry.count]
            stated = [entry.sigma_percent for entry in shown]
            actual = [entry.rms_percent for entry in shown]
            ends += [*stated, *actual]
            label = f"{method}, by {group}"
            axis.plot(stated, actual, marker, color=f"C{number}", label=label, fillstyle="none", markersize=5)
    if ends:
        line = np.array([0.8 * min(ends), 1.25 * max(ends)])
        style: dict[str, Any] = {"color": "0.5", "linewidth": 1}
        axis.plot(line, line, "-", **style)
        for factor in (0.8, 1.25):
            axis.plot(line, factor * line, ":", **style)
    axis.set(xscale="log", yscale="log", xlabel="Uncertainty stated (% strain)", ylabel="Error found (% strain)")
    axis.legend(fontsize=7, frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix[1:].lower(), dpi=200)
