"""What GLUE's preset `tuned` and the stack share for one size of frame: knots, independent cells, prior, threshold."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.estimators.global_cost.momentum import EDGES_OF_A_FRAME, Edges, MomentumPrior
from engine.estimators.global_cost.prior import Prior, SecondOrderPrior
from engine.estimators.global_cost.system import KnotGrid
from engine.estimators.global_cost.weights import cell_samples, strain_scale
from engine.types import Geometry


class TunedParameters(Protocol):
    """The parameters of the energy."""

    @property
    def smoothness(self) -> float:
        """Weight of changes of strain."""
        ...

    @property
    def edge_exponent(self) -> float:
        """Power of changes of strain."""
        ...

    @property
    def edge_softness(self) -> float:
        """Relative strain gradient, per mm, above which it is an edge."""
        ...

    @property
    def robust_threshold(self) -> float:
        """Residual, in standard deviations, beyond which it counts linearly."""
        ...

    @property
    def knot_spacing_m(self) -> float:
        """Axial distance of the unknowns."""
        ...

    @property
    def mechanics(self) -> bool:
        """Whether equilibrium is expected."""
        ...


@dataclass(frozen=True)
class TunedEnergy:
    """The energy for frames of one height and geometry."""

    params: TunedParameters
    geometry: Geometry
    height: int
    edges: Edges = EDGES_OF_A_FRAME

    @property
    def grid(self) -> KnotGrid:
        """Knots of the unknown field."""
        return KnotGrid(self.height, max(round(self.params.knot_spacing_m / self.geometry.axial_spacing_m), 1))

    @property
    def cell(self) -> float:
        """Samples that tell one independent thing."""
        return cell_samples(self.geometry)

    @property
    def threshold(self) -> float:
        """Weighted residual where Huber's function turns linear."""
        return self.params.robust_threshold / math.sqrt(self.cell)

    def prior(self, axial_samples: Tensor, factor: float = 1.0) -> Prior:
        """Prior at the scale of axial motions (..., H, W), `factor` times as strong as the parameters say."""
        grid, geometry = self.grid, self.geometry
        scale = 1e3 * strain_scale(axial_samples)[..., None, None]
        second = SecondOrderPrior(
            weight=factor * self.params.smoothness * grid.step / self.cell,
            units=torch.stack([geometry.pitch_m / scale, geometry.axial_spacing_m / scale], dim=-3),
            softness=self.params.edge_softness,
            exponent=self.params.edge_exponent,
            spacing_m=(grid.step * geometry.axial_spacing_m, geometry.pitch_m),
        )
        return MomentumPrior(second, self.edges) if self.params.mechanics else second
