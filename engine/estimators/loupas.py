"""Phase tracking: the two-dimensional autocorrelator of Loupas, Powers & Gill (IEEE TUFFC 42:672, 1995).

Both frames are demodulated to the complex envelope. Over a window, minus the phase of `R_t = sum conj(IQ_1) IQ_2` is
the motion in units of the local carrier, whose frequency comes from the phase between neighbouring depths,
`R_m = sum conj(IQ(m)) IQ(m + 1)`. The phase is unambiguous only within half a period, so the levels of the window
tracker come first; iterating on the warped frame (phase zero) takes the bias out.
"""

import numpy as np
import torch
from torch import Tensor

from engine.estimators.base import ESTIMATORS, PairwiseBatchEstimator
from engine.estimators.common.window_tracker import TrackingParams, WindowTracker
from engine.numerics.analytic_signal import analytic_signal
from engine.numerics.correlation import Peaks, find_peaks, window_sum
from engine.on_device import MotionBatch, PairBatch


@ESTIMATORS.entry
class Loupas(PairwiseBatchEstimator[TrackingParams]):
    """Phase-based tracking after a coarse search; each pair on its own, from its initial motion."""

    name = "loupas"
    title = "Phase (Loupas)"
    Params = TrackingParams

    def motion(self, batch: PairBatch, params: TrackingParams) -> MotionBatch:
        """Track the pairs."""
        return _PhaseTracker(batch, params).motion()


class _PhaseTracker(WindowTracker):
    def measure(self, compensated: Tensor) -> Peaks:
        """Phase of the windowed correlation, axially; laterally the parabola of the correlation."""
        geometry = self.geometry
        carrier = geometry.center_hz / geometry.sampling_hz
        first, second = demodulate(self.reference, carrier), demodulate(compensated, carrier)
        temporal = window_sum(first.conj() * second, self.grid)
        energies = window_sum(first.abs().square(), self.grid) * window_sum(second.abs().square(), self.grid)
        neighbours = torch.zeros_like(second)
        neighbours[..., :-1, :] = _turns(first) + _turns(second)
        local = carrier + torch.angle(window_sum(neighbours, self.grid)) / (2 * np.pi)
        axial = -torch.angle(temporal) / (2 * np.pi * local.clamp_min(carrier / 4))
        rho = temporal.abs() / torch.sqrt(energies.clamp_min(torch.finfo(energies.dtype).tiny))
        rho = torch.where(energies > 0, rho.clamp(0, 1), 0.0)
        if not self.params.search_lines:
            return Peaks(torch.stack([torch.zeros_like(axial), axial], dim=-3), rho)
        lateral = find_peaks(self.reference, compensated, self.grid, 0, 0, symmetric=True).residual[:, 0]
        return Peaks(torch.stack([lateral, axial], dim=-3), rho)


def _turns(signal: Tensor) -> Tensor:
    """Product of each sample of (..., H, W) conjugate with the next one, (..., H - 1, W)."""
    return signal[..., :-1, :].conj() * signal[..., 1:, :]


def demodulate(frame: Tensor, carrier: float) -> Tensor:
    """Complex envelope (..., H, W) of RF with `carrier` cycles per sample: analytic signal, mixed to zero."""
    height = frame.shape[-2]
    phase = torch.arange(height, device=frame.device, dtype=frame.dtype) * (-2 * np.pi * carrier)
    return analytic_signal(frame) * torch.polar(torch.ones_like(phase), phase)[:, None]
