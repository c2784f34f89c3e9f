"""What methods that solve for the modulus at the nodes of a mesh share: from a frame to the nodes, and back."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, TypeVar

from engine.elasticity.base import ElasticityMethod, Progress, RelativeModulus, normalised
from engine.elasticity.common.forward_model import Vector
from engine.elasticity.common.observation import Observation, observe
from engine.parameters import Parameters, parameter
from engine.types import Ellipse, FrameEstimate


@dataclass(frozen=True)
class NodalParameters(Parameters):
    """The mesh, and how tissue gives way; the defaults are those of the simulator's tissue."""

    node_spacing_m: float = parameter(1e-3, unit="m", minimum=0.3e-3, maximum=3e-3, help="Distance between nodes")
    plane: Literal["plane-stress", "plane-strain"] = parameter(
        "plane-strain",
        help="plane-strain where tissue cannot give way across the image, plane-stress where it is free to",
    )
    poisson_ratio: float = parameter(
        0.48, minimum=0.3, maximum=0.499, help="Sideways over lengthways strain of tissue; 0.5 keeps its volume"
    )


P = TypeVar("P", bound=NodalParameters)


class NodalModulus(NamedTuple):
    """The nodal modulus (N,), up to a factor, the misfit of each iteration, and a sentence if they were cut short."""

    values: Vector
    misfits: list[float]
    cut_short: str = ""


class NodalMethod(ElasticityMethod[P]):
    """Reduce the displacement to nodes, solve, and interpolate the nodal modulus to the image."""

    label: ClassVar[str]

    @abstractmethod
    def solve(
        self, observation: Observation, params: P, progress: Progress, cancelled: Callable[[], bool]
    ) -> NodalModulus:
        """Find the modulus at the nodes."""

    def reconstruct(
        self,
        estimate: FrameEstimate,
        reference: Ellipse,
        params: P,
        progress: Progress = lambda iteration, misfit: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> RelativeModulus:
        """See ElasticityMethod."""
        observation, grid = observe(estimate, params.node_spacing_m, params.poisson_ratio, params.plane)
        found = self.solve(observation, params, progress, cancelled)
        geometry = estimate.displacement.geometry
        image = grid.spread(observation.model.to_map(found.values), estimate.quality.shape, geometry)
        return RelativeModulus(
            normalised(image, reference, geometry),
            geometry,
            self.label,
            tuple(found.misfits),
            self.error_factor,
            found.cut_short,
        )
