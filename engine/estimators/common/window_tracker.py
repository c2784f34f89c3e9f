"""The levels that window-based trackers share: envelope, RF within half a period, RF within a sample.

Before each level the deformed frame is warped by the field found so far (companding: Chaturvedi, Insana & Hall, IEEE
TUFFC 45:179, 1998), which keeps the correlation above 0.99 at strains where a plain search falls apart. After each
level the whole field is regularised, as its departure from the initial motion, with weights from the correlation.
How a window is measured on the last level is what tells one tracker from another.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.estimators.common.smoothing import correlation_weight, regularise, weighted_smooth, without_outliers
from engine.numerics.analytic_signal import envelope
from engine.numerics.correlation import Peaks, WindowGrid, find_peaks
from engine.numerics.median import median_filter
from engine.numerics.running_sum import near
from engine.numerics.warp import compose, inside, warp
from engine.on_device import MotionBatch, PairBatch
from engine.parameters import Parameters, parameter

_DECIMATION = 4
_COARSE_WINDOW = 2.0
"""Length of the envelope's window in lengths of the RF's: an envelope has fewer independent samples than RF."""
_LATERAL_STIFFNESS = 100.0
"""Lateral motion has no carrier: it is measured some ten times worse, and regularised that much more."""
_EARLY_SMOOTHING = 1.3
"""The field before the last level may be smoother: details come with the companded passes."""
_LEAST_STIFFNESS = 1e-3


@dataclass(frozen=True)
class TrackingParams(Parameters):
    """Parameters of every window-based tracker; lengths in metres, so that they suit any sampling rate."""

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
        0.6e-3, unit="m", minimum=0.0, maximum=3e-3, help="Length of the regularisation, longer where less correlates"
    )
    fill_m: float = parameter(
        3e-3, unit="m", minimum=0.0, maximum=50e-3, help="Gaps are filled up to this distance from a correlated window"
    )
    passes: int = parameter(2, minimum=1, maximum=5, help="Passes of the last level, each on a better warped frame")


class WindowTracker(ABC):
    """Pairs on their way through the levels together; a motion is (B, 2, H, W), lateral lines then axial samples."""

    def __init__(self, batch: PairBatch, params: TrackingParams) -> None:
        self.geometry, self.params = batch.geometry, params
        self.height, self.width = batch.deformed.shape[-2:]
        self.rf = batch.reference, batch.deformed
        self.reference, self.deformed = (_centred(frames) for frames in self.rf)
        self.grid = WindowGrid.fit(params.window_m / self.geometry.axial_spacing_m, params.window_lines)
        self.half_period = max(1, round(self.geometry.sampling_hz / self.geometry.center_hz / 2))
        self.start = batch.start

    @abstractmethod
    def measure(self, compensated: Tensor) -> Peaks:
        """Measure on the last level what is left between the reference and the compensated frames (B, H, W)."""

    def motion(self) -> MotionBatch:
        """Run the levels. NaN out of reach of any window that correlates, and where the motion leaves the frame."""
        motion = self._coarse()
        lateral_reach = 1 if self.params.search_lines else None
        peaks = find_peaks(self.reference, self._compensated(motion), self.grid, self.half_period, lateral_reach)
        motion = self._regularised(motion, peaks, _EARLY_SMOOTHING * self.params.smoothing_m)
        for _ in range(self.params.passes):
            peaks = self.measure(self._compensated(motion))
            motion = self._regularised(motion, peaks, self.params.smoothing_m)
        known = self._in_reach(peaks.rho)[:, None] & inside(motion, margin=1.0)
        report = {
            "mean_correlation": peaks.rho.mean(dim=(-2, -1)),
            "estimated_share": known.float().mean(dim=(1, 2, 3)),
        }
        return MotionBatch(torch.where(known, motion, torch.nan), report)

    def _coarse(self) -> Tensor:
        """Search the envelope, decimated; its speckle survives deformation better than the carrier does."""
        params, spacing = self.params, self.geometry.axial_spacing_m * _DECIMATION
        reach = round(params.search_m / spacing)
        if reach == 0:
            return self.start
        reference = _decimate(_centred(envelope(self.rf[0])))
        deformed = _centred(envelope(self.rf[1]))
        compensated = _decimate(warp(deformed[:, None], self.start, "bilinear")[:, 0])
        grid = WindowGrid.fit(_COARSE_WINDOW * params.window_m / spacing, params.window_lines)
        peaks = find_peaks(reference, compensated, grid, reach, params.search_lines or None, carrier=False)
        weight = correlation_weight(peaks.rho, params.minimum_correlation)
        middle = median_filter(peaks.residual)
        weight = without_outliers(peaks.residual[:, 1], middle[:, 1], weight, self.half_period / _DECIMATION)
        sigma = 0.5 * params.window_m / (grid.step * spacing)
        residual = weighted_smooth(middle, weight, sigma, 3.0)
        on_rf = WindowGrid(grid.step * _DECIMATION, grid.blocks, grid.lines)
        dense = on_rf.densify(residual, self.height)
        dense[:, 1] *= _DECIMATION
        return compose(dense, self.start)

    def _regularised(self, motion: Tensor, peaks: Peaks, length_m: float) -> Tensor:
        """Add the measured residual to the motion and regularise the sum over `length_m`."""
        total = compose(self.grid.densify(peaks.residual, self.height), motion)
        departure = self.grid.at_windows(total - self.start)
        weight = correlation_weight(peaks.rho, self.params.minimum_correlation)
        axial = departure[:, 1]
        weight = without_outliers(axial, median_filter(axial), weight, self.half_period / 2)
        rows = (length_m / (self.grid.step * self.geometry.axial_spacing_m)) ** 4 + _LEAST_STIFFNESS
        lines = (length_m / self.geometry.pitch_m) ** 4 + _LEAST_STIFFNESS
        stiffness = torch.tensor(
            [[_LATERAL_STIFFNESS * rows, _LATERAL_STIFFNESS * lines], [rows, lines]], device=motion.device
        )
        field = regularise(departure, weight, stiffness)
        return self.start + self.grid.densify(field, self.height)

    def _in_reach(self, rho: Tensor) -> Tensor:
        """Pixels (B, H, W) within the filling distance of a window that correlates, or covered by it."""
        fill_m = self.params.fill_m
        reach_rows = max(round(fill_m / (self.grid.step * self.geometry.axial_spacing_m)), self.grid.blocks // 2)
        reach_lines = max(round(fill_m / self.geometry.pitch_m), self.grid.lines // 2)
        accepted = rho >= max(self.params.minimum_correlation, 1e-3)
        reached = near(accepted, 2 * reach_rows + 1, 2 * reach_lines + 1)
        return reached.repeat_interleave(self.grid.step, dim=-2)[..., : self.height, :]

    def _compensated(self, motion: Tensor) -> Tensor:
        return warp(self.deformed[:, None], motion)[:, 0]


def _centred(frames: Tensor) -> Tensor:
    """Frames (..., H, W) without each line's mean."""
    return frames - frames.mean(dim=-2, keepdim=True, dtype=torch.float64).to(frames.dtype)


def _decimate(frames: Tensor) -> Tensor:
    """Mean over groups of rows, (B, H, W) to (B, ceil(H / 4), W)."""
    count, height, width = frames.shape
    whole = height // _DECIMATION * _DECIMATION
    means = frames[:, :whole].reshape(count, -1, _DECIMATION, width).mean(dim=2)
    return means if whole == height else torch.cat([means, frames[:, whole:].mean(dim=1, keepdim=True)], dim=1)
