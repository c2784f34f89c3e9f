"""The levels that window-based trackers share: envelope, RF within half a period, RF within a sample.

Before each level the deformed frame is warped by the field found so far (companding: Chaturvedi, Insana & Hall, IEEE
TUFFC 45:179, 1998), which keeps the correlation above 0.99 at strains where a plain search falls apart. After each
level the whole field is regularised, as its departure from the initial motion, with weights from the correlation.
How a window is measured on the last level is what tells one tracker from another.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from engine.estimators.common.smoothing import (
    correlation_weight,
    median_filter,
    regularise,
    weighted_smooth,
    without_outliers,
)
from engine.numerics.correlation import Peaks, WindowGrid, find_peaks
from engine.numerics.warp import compose, inside, motion_from_numpy, warp
from engine.parameters import Parameters, parameter
from engine.preprocess.bmode import envelope
from engine.types import Displacement, FramePair, Map

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
    """One pair on its way through the levels; a motion is (1, 2, H, W), lateral lines then axial samples."""

    def __init__(self, pair: FramePair, params: TrackingParams, device: torch.device) -> None:
        self.pair, self.params, self.device = pair, params, device
        geometry = pair.geometry
        self.height, self.width = pair.reference.shape
        self.reference = self._frame(pair.reference)
        self.deformed = self._frame(pair.deformed)
        self.grid = WindowGrid.fit(params.window_m / geometry.axial_spacing_m, params.window_lines)
        self.half_period = max(1, round(geometry.sampling_hz / geometry.center_hz / 2))
        if pair.initial is None:
            self.start = torch.zeros((1, 2, self.height, self.width), device=device)
        else:
            self.start = motion_from_numpy(pair.initial.axial_samples, pair.initial.lateral_lines, device)

    @abstractmethod
    def measure(self, compensated: Tensor) -> Peaks:
        """Measure on the last level what is left between the reference and the compensated frame (H, W)."""

    def displacement(self) -> Displacement:
        """Run the levels. NaN out of reach of any window that correlates, and where the motion leaves the frame."""
        motion = self._coarse()
        lateral_reach = 1 if self.params.search_lines else None
        peaks = find_peaks(self.reference, self._compensated(motion), self.grid, self.half_period, lateral_reach)
        motion = self._regularised(motion, peaks, _EARLY_SMOOTHING * self.params.smoothing_m)
        for _ in range(self.params.passes):
            peaks = self.measure(self._compensated(motion))
            motion = self._regularised(motion, peaks, self.params.smoothing_m)
        known = self._in_reach(peaks.rho) & inside(motion, margin=1.0)[0, 0]
        field = torch.where(known, motion[0], torch.nan).cpu().numpy()
        report = {"mean_correlation": float(peaks.rho.mean()), "estimated_share": float(known.float().mean())}
        return Displacement.from_samples(field[1], field[0], self.pair.geometry, report)

    def _coarse(self) -> Tensor:
        """Search the envelope, decimated; its speckle survives deformation better than the carrier does."""
        params, spacing = self.params, self.pair.geometry.axial_spacing_m * _DECIMATION
        reach = round(params.search_m / spacing)
        if reach == 0:
            return self.start
        reference = _decimate(self._frame(envelope(self.pair.reference)))
        deformed = self._frame(envelope(self.pair.deformed))
        compensated = _decimate(warp(deformed[None, None], self.start, "bilinear")[0, 0])
        grid = WindowGrid.fit(_COARSE_WINDOW * params.window_m / spacing, params.window_lines)
        peaks = find_peaks(reference, compensated, grid, reach, params.search_lines or None, carrier=False)
        weight = correlation_weight(peaks.rho, params.minimum_correlation)
        weight = without_outliers(peaks.residual[1:], weight, self.half_period / _DECIMATION)
        sigma = 0.5 * params.window_m / (grid.step * spacing)
        residual = weighted_smooth(median_filter(peaks.residual, 5), weight, sigma, 3.0)
        residual = residual * torch.tensor([1.0, _DECIMATION], device=self.device)[:, None, None]
        on_rf = WindowGrid(grid.step * _DECIMATION, grid.blocks, grid.lines)
        return compose(on_rf.densify(residual[None], self.height), self.start)

    def _regularised(self, motion: Tensor, peaks: Peaks, length_m: float) -> Tensor:
        """Add the measured residual to the motion and regularise the sum over `length_m`."""
        geometry = self.pair.geometry
        total = compose(self.grid.densify(peaks.residual[None], self.height), motion)
        departure = self.grid.at_windows(total - self.start)
        weight = correlation_weight(peaks.rho, self.params.minimum_correlation)
        weight = without_outliers(departure[1:], weight, self.half_period / 2)
        rows = (length_m / (self.grid.step * geometry.axial_spacing_m)) ** 4 + _LEAST_STIFFNESS
        lines = (length_m / geometry.pitch_m) ** 4 + _LEAST_STIFFNESS
        axial = torch.tensor([rows, lines], device=self.device)
        stiffness = torch.stack([_LATERAL_STIFFNESS * axial, axial])
        field = regularise(departure, weight, stiffness)
        return self.start + self.grid.densify(field[None], self.height)

    def _in_reach(self, rho: Tensor) -> Tensor:
        """Pixels (H, W) within the filling distance of a window that correlates, or covered by it."""
        geometry, fill_m = self.pair.geometry, self.params.fill_m
        reach_rows = max(round(fill_m / (self.grid.step * geometry.axial_spacing_m)), self.grid.blocks // 2)
        reach_lines = max(round(fill_m / geometry.pitch_m), self.grid.lines // 2)
        accepted = (rho >= max(self.params.minimum_correlation, 1e-3)).to(rho.dtype)[None]
        near = functional.max_pool2d(accepted, (2 * reach_rows + 1, 1), 1, (reach_rows, 0))
        near = functional.max_pool2d(near, (1, 2 * reach_lines + 1), 1, (0, reach_lines))
        return near[0].repeat_interleave(self.grid.step, dim=0)[: self.height] > 0

    def _compensated(self, motion: Tensor) -> Tensor:
        return warp(self.deformed[None, None], motion)[0, 0]

    def _frame(self, frame: Map) -> Tensor:
        centred = frame - frame.mean(axis=0, dtype=np.float64).astype(np.float32)
        return torch.from_numpy(centred).to(self.device)


def _decimate(frame: Tensor) -> Tensor:
    """Mean over groups of rows, (H, W) to (ceil(H / 4), W)."""
    return functional.avg_pool2d(frame[None, None], (_DECIMATION, 1), ceil_mode=True)[0, 0]
