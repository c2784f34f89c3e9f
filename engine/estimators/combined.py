"""Named combinations: a network finds the motion, GLUE refines it (`musse-net+glue`, `musse-net+glue-stack`).

A direct regression network ends near half a sample of error but does not slip cycles; GLUE is accurate to some
thousandths of a sample but needs a start within a quarter of an RF period. Together they have both (as GLUENet:
Kibria & Rivaz 2018, arXiv:1807.06120).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from engine.errors import MethodError
from engine.estimators.base import ESTIMATORS, SMOOTHED_WINDOW_M, BatchEstimator, Tracker
from engine.estimators.glue import GlueParameters, Refinement
from engine.estimators.glue_stack import Stacked, StackParameters
from engine.parameters import Parameters, parameter

if TYPE_CHECKING:
    import torch

    from engine.networks.weights import WeightsCard


@dataclass(frozen=True)
class RefinedParameters(Parameters):
    """What matters of the network's parameters and of GLUE's; the others keep their defaults."""

    weights: str = parameter("", help="Other weights of the network: a name in the box or a path; empty for its own")
    passes: int = parameter(GlueParameters.passes, minimum=1, maximum=50, help="Linearisations of GLUE at most")
    smoothness: float = parameter(
        GlueParameters.smoothness, minimum=1e-4, maximum=100.0, help="Weight of changes of strain in GLUE"
    )

    def glue(self) -> GlueParameters:
        """Parameters of the refinement."""
        return GlueParameters(passes=self.passes, smoothness=self.smoothness)


@dataclass(frozen=True)
class StackedParameters(StackParameters):
    """Those of the stack, and what finds the motion first."""

    weights: str = parameter("", help="Other weights of the network: a name in the box or a path; empty for its own")


R = TypeVar("R", bound=RefinedParameters | StackedParameters)


class NetworkThenGlue(BatchEstimator[R]):
    """A network of the registry, its motion refined pair by pair."""

    kind = "combined"
    strain_window_m = SMOOTHED_WINDOW_M
    network: ClassVar[str]

    def tracker(self, params: R, device: "torch.device") -> Tracker:
        """Refine what the network has found."""
        find, refinement = self._network().tracker(self._network_parameters(params), device), Refinement(params.glue())
        return lambda batch: refinement(batch, find(batch).motion)

    def is_recurrent(self, params: R) -> bool:
        """Whether the network has a memory."""
        return self._network().is_recurrent(self._network_parameters(params))

    def unavailable(self) -> str | None:
        """Give the network's reason, for example that it has no weights."""
        try:
            return self._network().unavailable()
        except MethodError as error:
            return str(error)

    def card(self) -> "WeightsCard | None":
        """Return the card of the network's weights."""
        return self._network().card()

    def card_for(self, params: R) -> "WeightsCard | None":
        """Return the card of the weights that the parameters choose."""
        return self._network().card_for(self._network_parameters(params))

    def _network(self) -> BatchEstimator[Parameters]:
        network = ESTIMATORS.get(self.network)
        assert isinstance(network, BatchEstimator)
        return network

    def _network_parameters(self, params: R) -> Parameters:
        return self._network().Params.from_text({"weights": params.weights, "mirrored": "false"})


@ESTIMATORS.entry
class MusseNetThenGlue(NetworkThenGlue[RefinedParameters]):
    """MUSSE-Net refined by GLUE."""

    name = "musse-net+glue"
    title = "MUSSE-Net refined by GLUE"
    Params = RefinedParameters
    network = "musse-net"


@ESTIMATORS.entry
class MusseNetThenGlueStack(NetworkThenGlue[StackedParameters], Stacked[StackedParameters]):
    """MUSSE-Net refined by GLUE, then all frames together."""

    name = "musse-net+glue-stack"
    title = "MUSSE-Net refined by GLUE on the whole recording"
    Params = StackedParameters
    network = "musse-net"
