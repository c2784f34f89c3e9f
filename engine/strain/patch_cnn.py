"""Strain by the second stage of the end-to-end paper, a patch network run densely (`end-to-end-cnn`).

Wu et al. 2018: a 61 x 9 patch of displacement in, the axial strain at its centre out. As the displacement stage sees
what a global elongation leaves, so does this one: a robust straight line is taken off the displacement, in samples,
and its slope added to the network's strain.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import WeightsError
from engine.networks import weights
from engine.networks.weights import WeightsCard
from engine.numerics.gaps import fill_gaps
from engine.parameters import parameter
from engine.strain.base import STRAIN_METHODS, StrainMethod, StrainParameters
from engine.types import Displacement, Map, Strain

if TYPE_CHECKING:
    import torch

WEIGHTS = "strain-cnn"
PATCH_SAMPLES, PATCH_LINES = 61, 9
_PERCENT = 100.0
_ROUNDS = 5


@dataclass(frozen=True)
class PatchCNNParameters(StrainParameters):
    """The patch has a fixed size: 61 samples by 9 lines."""

    weights: str = parameter("", help="Path of other weights; empty for those in the box")


@STRAIN_METHODS.entry
class PatchCNN(StrainMethod[PatchCNNParameters]):
    """Strain of each pixel from the patch of displacement around it."""

    name = "end-to-end-cnn"
    title = "End-to-end CNN"
    Params = PatchCNNParameters

    def infinitesimal(
        self, displacement: Displacement, quality: Map | None, params: PatchCNNParameters, device: "torch.device"
    ) -> Strain:
        """Run over the frame; pixels without displacement have no strain. Without weights a WeightsError."""
        import torch

        from engine.networks.end_to_end_cnn import increments

        network, _ = weights.shared(params.weights or WEIGHTS, device)
        geometry = displacement.geometry
        axial = displacement.axial_samples.astype(np.float64)
        missing = ~np.isfinite(axial)
        window_m = PATCH_SAMPLES * geometry.axial_spacing_m
        if missing.all():
            return Strain(np.full(axial.shape, np.nan, np.float32), geometry, window_m)
        slope, offset = robust_line(axial)
        residual = fill_gaps(axial - offset - slope * np.arange(len(axial))[:, None])
        continued = torch.from_numpy(continue_rows(residual)[None, None].astype(np.float32)).to(device)
        with torch.inference_mode():
            percent = network(increments(continued))[0, 0].cpu().numpy()
        rows = (continued.shape[2] - len(axial)) // 2
        strain = slope + percent[rows : rows + len(axial)] / _PERCENT
        strain[missing] = np.nan
        return Strain(strain.astype(np.float32), geometry, window_m)

    def unavailable(self) -> str | None:
        """Say that there are no weights in the box."""
        try:
            weights.find(WEIGHTS)
        except WeightsError as error:
            return str(error)
        return None


def card() -> WeightsCard:
    """Return the card of the weights in the box; without any a WeightsError."""
    return WeightsCard.read(weights.find(WEIGHTS))


def robust_line(axial: NDArray[np.float64]) -> tuple[float, float]:
    """Slope and offset over rows of a field (H, W) with NaN: nearly least absolute deviations of the rows' medians.

    >>> slope, offset = robust_line(2.0 - 0.01 * np.arange(50.0)[:, None])
    >>> round(slope, 6), round(offset, 6)
    (-0.01, 2.0)
    """
    known = np.isfinite(axial).any(axis=1)
    rows = np.flatnonzero(known).astype(np.float64)
    values = np.nanmedian(axial[known], axis=1)
    if rows.size < 2:
        return 0.0, float(values.mean())
    weight = np.ones_like(values)
    slope = offset = 0.0
    for _ in range(_ROUNDS):
        slope, offset = np.polyfit(rows, values, 1, w=np.sqrt(weight))
        error = np.abs(values - offset - slope * rows)
        weight = 1 / (error + 0.1 * error.mean() + 1e-9)
    return float(slope), float(offset)


def continue_rows(field: NDArray[np.float64]) -> NDArray[np.float64]:
    """Add half a patch of rows at either end by point reflection, which keeps the slope at the end."""
    reach = min(PATCH_SAMPLES // 2, len(field) - 1)
    return np.pad(field, ((reach, reach), (0, 0)), mode="reflect", reflect_type="odd")
