"""The guard that gives frames their own answer back where a common pattern does not explain them."""

import torch
from torch import Tensor

from engine.estimators.global_cost.solver import Matching
from engine.types import Geometry


class Guard:
    """Whether fields explain frames about as well as the frames' own estimates: as a whole, and everywhere.

    `share` is how much worse the whole may be, as a fraction; no patch of `PATCH_M` may be `LOCALLY` times that worse.
    A few independent cells always are: own estimates follow their noise. Around these limits a field is trusted in
    part, from `FULLY` times as much to as far beyond, so that an answer does not hang on rounding.
    """

    PATCH_M = 4e-3
    LOCALLY = 10.0
    FULLY = 0.75

    def __init__(self, matching: Matching, own: Tensor, share: float, geometry: Geometry) -> None:
        self._matching = matching
        self._share = share
        rows, lines = (max(round(self.PATCH_M / size), 1) for size in (geometry.axial_spacing_m, geometry.pitch_m))
        height, width = matching.reference.shape[-2:]
        self._patch = (min(rows, height), min(lines, width))
        self._own, self._own_patches = self._misfit(own)

    def trust(self, field: Tensor) -> Tensor:
        """Compare the misfit of fields (n, 2, K, W) with the own estimates', (n): 1 is allowed, 0 is not."""
        whole, patches = self._misfit(field)
        worse = ((patches - self._own_patches) / self._own_patches.clamp(min=1e-12)).amax(dim=(-3, -2, -1))
        share = max(self._share, 1e-12)
        as_a_whole = (whole - self._own) / self._own.clamp(min=1e-12)
        excess = torch.maximum(as_a_whole, worse / self.LOCALLY) / share
        return ((2 - self.FULLY - excess) / (2 - 2 * self.FULLY)).clamp(0, 1)

    def _misfit(self, field: Tensor) -> tuple[Tensor, Tensor]:
        samples, residual = self._matching.sample(field)
        misfit = self._matching.misfit(residual, self._matching.weigh(residual, samples.inside))
        stride = [max(size // 4, 1) for size in self._patch]
        patches = torch.nn.functional.avg_pool2d(misfit[:, None], self._patch, stride)
        return misfit.sum(dim=(-2, -1), dtype=torch.float64), patches
