"""Multi-level normalised cross-correlation with companding and a cosine sub-sample fit.

The envelope is searched first over a wide range, then the RF over half a period each way around that prediction, and
at last the RF again within a sample, with a sub-sample fit. Before each level the deformed frame is warped by the
field found so far (companding: Chaturvedi, Insana & Hall, IEEE TUFFC 45:179, 1998), which keeps the correlation above
0.99 at strains where a plain search falls apart. Outliers are replaced from correlated neighbours between levels.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.correlation import WindowGrid, correlate, cosine_peak, parabolic_peak
from engine.estimators.base import ESTIMATORS, Estimator
from engine.estimators.smoothing import correlation_weight, median_filter, weighted_smooth, without_outliers
from engine.parameters import Parameters, parameter
from engine.preprocess.bmode import envelope
from engine.types import Displacement, FramePair, Map
from engine.warp import Interpolation, compose, inside, motion_from_numpy, warp

_DECIMATION = 4
_COARSE_WINDOW = 2.0
"""Length of the envelope's window in lengths of the RF's: an envelope has fewer independent samples than RF."""
_LATERAL_SMOOTHING = 4.0
"""Lateral motion has no carrier: it is estimated some ten times worse, and smoothed this many times more."""


@dataclass(frozen=True)
class NccParams(Parameters):
    """Parameters of the correlation tracker; lengths in metres, so that they suit any sampling rate."""

    window_m: float = parameter(
        2.0e-3, unit="m", minimum=0.4e-3, maximum=10e-3, help="Axial length of the RF correlation window"
    )
    window_lines: int = parameter(5, unit="lines", minimum=1, maximum=31, help="Width of the correlation window")
    search_m: float = parameter(
        1.0e-3, unit="m", minimum=0.0, maximum=10e-3, help="Axial search of the coarse level, each way from the start"
    )
    search_lines: int = parameter(2, unit="lines", minimum=0, maximum=10, help="Lateral search, each way; 0 for none")
    minimum_correlation: float = parameter(
        0.4, minimum=0.0, maximum=0.99, help="Windows that correlate less are replaced from their neighbours"
    )
    smoothing_m: float = parameter(
        0.3e-3, unit="m", minimum=0.0, maximum=3e-3, help="Axial standard deviation of the weighted smoothing"
    )
    smoothing_lines: float = parameter(
        1.0, unit="lines", minimum=0.0, maximum=10.0, help="Lateral standard deviation of the weighted smoothing"
    )
    passes: int = parameter(2, minimum=1, maximum=5, help="Passes of the last level, each on a better warped frame")


@ESTIMATORS.entry("ncc")
class Ncc(Estimator[NccParams]):
    """Window-based tracking, the yardstick of the field."""

    name = "ncc"
    title = "NCC, multi-level"
    kind = "classical"
    Params = NccParams

    def track(self, pairs: Iterable[FramePair], params: NccParams, device: torch.device) -> Iterator[Displacement]:
        """Track each pair on its own, from its `initial` motion."""
        for pair in pairs:
            yield _Tracker(pair, params, device).displacement()


@dataclass(frozen=True)
class Peaks:
    """Best lag of each window: residual (2, h, W), lateral lines then axial samples, and its correlation (h, W)."""

    residual: Tensor
    rho: Tensor


def find_peaks(
    reference: Tensor, compensated: Tensor, grid: WindowGrid, axial_reach: int, lateral_reach: int | None, fit: str
) -> Peaks:
    """Search lags up to the reaches for the best correlation and refine it to a fraction of a lag.

    The integer peak is taken from correlations averaged over neighbouring windows, which rarely jump a cycle. `fit`
    is "cosine" for RF and "parabola" for an envelope; laterally it is always a parabola. A lateral reach of None
    leaves the lateral motion alone.
    """
    lateral_lags = [0] if lateral_reach is None else range(-lateral_reach - 1, lateral_reach + 2)
    rho = correlate(reference, compensated, range(-axial_reach - 1, axial_reach + 2), lateral_lags, grid)
    lags, sides = rho.shape[:2]
    steady = functional.avg_pool2d(rho, 3, stride=1, padding=1, count_include_pad=False)[1:-1]
    steady = steady if lateral_reach is None else steady[:, 1:-1]
    best = steady.flatten(0, 1).argmax(dim=0)
    row = best // steady.shape[1] + 1
    column = best % steady.shape[1] + (lateral_reach is not None)
    flat = rho.flatten(0, 1)

    def at(rows: Tensor, columns: Tensor) -> Tensor:
        return flat.gather(0, (rows * sides + columns)[None])[0]

    peak = at(row, column)
    subsample = cosine_peak if fit == "cosine" else parabolic_peak
    axial = row - lags // 2 + subsample(at(row - 1, column), peak, at(row + 1, column))
    if lateral_reach is None:
        return Peaks(torch.stack([torch.zeros_like(axial), axial]), peak)
    lateral = column - sides // 2 + parabolic_peak(at(row, column - 1), peak, at(row, column + 1))
    return Peaks(torch.stack([lateral, axial]), peak)


class _Tracker:
    """The levels of one pair. `motion` (1, 2, H, W) is the field so far, starting from the pair's initial motion."""

    def __init__(self, pair: FramePair, params: NccParams, device: torch.device) -> None:
        self.pair, self.params, self.device = pair, params, device
        self.reference = self._frame(pair.reference)
        self.deformed = self._frame(pair.deformed)
        geometry = pair.geometry
        self.grid = WindowGrid.fit(params.window_m / geometry.axial_spacing_m, params.window_lines)
        self.tolerance = geometry.sampling_hz / geometry.center_hz / 4
        if pair.initial is None:
            self.start = torch.zeros((1, 2, *pair.reference.shape), device=device)
        else:
            self.start = motion_from_numpy(pair.initial.axial_samples, pair.initial.lateral_lines, device)

    def displacement(self) -> Displacement:
        """Run the levels. NaN where no window in reach correlates, and where the motion leaves the frame."""
        geometry, params = self.pair.geometry, self.params
        lateral = params.search_lines or None
        motion = self._coarse()
        half_period = max(1, round(geometry.sampling_hz / geometry.center_hz / 2))
        motion, _ = self._refine(motion, half_period, lateral and 1, smoothing=3.0)
        for _ in range(params.passes):
            motion, rho = self._refine(motion, 1, lateral and 0, smoothing=1.0)
        trusted = self._in_reach(rho) & inside(motion)[0, 0]
        field = torch.where(trusted, motion[0], torch.nan).cpu().numpy()
        return Displacement.from_samples(field[1], field[0], geometry, {"mean_correlation": float(rho.mean())})

    def _coarse(self) -> Tensor:
        """Search the envelope, decimated; its speckle survives deformation better than the carrier does."""
        params, spacing = self.params, self.pair.geometry.axial_spacing_m
        reach = round(params.search_m / spacing / _DECIMATION)
        if reach == 0:
            return self.start
        reference = _decimate(self._frame(envelope(self.pair.reference)))
        deformed = _decimate(self._compensated(self._frame(envelope(self.pair.deformed)), self.start, "bilinear"))
        window = _COARSE_WINDOW * params.window_m / spacing / _DECIMATION
        grid = WindowGrid.fit(window, params.window_lines)
        peaks = find_peaks(reference, deformed, grid, reach, params.search_lines or None, "parabola")
        weight = correlation_weight(peaks.rho, params.minimum_correlation)
        steady = median_filter(peaks.residual, 5)
        weight = without_outliers(peaks.residual[1:], weight, self.tolerance / _DECIMATION)
        sigma = 0.5 * params.window_m / spacing / (grid.step * _DECIMATION)
        residual = weighted_smooth(steady, weight, sigma, 3.0)
        residual = residual * torch.tensor([1.0, _DECIMATION], device=self.device)[:, None, None]
        coarse = WindowGrid(grid.step * _DECIMATION, grid.blocks, grid.lines)
        return compose(coarse.densify(residual[None], self.reference.shape[0]), self.start)

    def _refine(
        self, motion: Tensor, axial_reach: int, lateral_reach: int | None, smoothing: float
    ) -> tuple[Tensor, Tensor]:
        """Track the RF on the warped frame; regularise the whole field, as its departure from the start."""
        compensated = self._compensated(self.deformed, motion, "band-limited")
        peaks = find_peaks(self.reference, compensated, self.grid, axial_reach, lateral_reach, "cosine")
        total = compose(self.grid.densify(peaks.residual[None], self.reference.shape[0]), motion)
        departure = self._at_windows(total - self.start)
        weight = correlation_weight(peaks.rho, self.params.minimum_correlation)
        weight = without_outliers(departure[1:], weight, self.tolerance)
        rows = smoothing * self.params.smoothing_m / (self.grid.step * self.pair.geometry.axial_spacing_m)
        lines = smoothing * self.params.smoothing_lines
        axial = weighted_smooth(departure[1:], weight, rows, lines)
        lateral = weighted_smooth(departure[:1], weight, _LATERAL_SMOOTHING * rows, _LATERAL_SMOOTHING * lines)
        field = torch.cat([lateral, axial])[None]
        return self.start + self.grid.densify(field, self.reference.shape[0]), peaks.rho

    def _in_reach(self, rho: Tensor) -> Tensor:
        """Pixels (H, W) covered by at least one window that correlates."""
        accepted = (rho >= max(self.params.minimum_correlation, 1e-3)).to(rho.dtype)[None, None]
        kernel = (self.grid.blocks, self.grid.lines)
        covered = functional.max_pool2d(accepted, kernel, stride=1, padding=(kernel[0] // 2, kernel[1] // 2))
        return covered[0, 0].repeat_interleave(self.grid.step, dim=0)[: self.reference.shape[0]] > 0

    def _at_windows(self, dense: Tensor) -> Tensor:
        """Mean of a field (1, C, H, W) over each block, that is its value at the window centres, (C, h, W)."""
        padded = functional.pad(dense, (0, 0, 0, -dense.shape[-2] % self.grid.step), mode="replicate")[0]
        return padded.reshape(padded.shape[0], -1, self.grid.step, padded.shape[-1]).mean(dim=2)

    def _compensated(self, frame: Tensor, motion: Tensor, interpolation: Interpolation) -> Tensor:
        return warp(frame[None, None], motion, interpolation)[0, 0]

    def _frame(self, frame: Map) -> Tensor:
        centred = frame - frame.mean(axis=0, dtype=np.float64).astype(np.float32)
        return torch.from_numpy(centred).to(self.device)


def _decimate(frame: Tensor) -> Tensor:
    """Mean over groups of rows, (H, W) to (ceil(H / 4), W)."""
    return functional.avg_pool2d(frame[None, None], (_DECIMATION, 1), ceil_mode=True)[0, 0]
