"""Named combinations: a network finds the motion, GLUE refines it (`musse-net+glue`).

A direct regression network ends near half a sample of error but does not slip cycles; GLUE is accurate to some
thousandths of a sample but needs a start within a quarter of an RF period. Together they have both (as GLUENet:
Kibria & Rivaz 2018, arXiv:1807.06120).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from engine.errors import MethodError
from engine.estimators.base import ESTIMATORS, SMOOTHED_WINDOW_M, Estimator
from engine.estimators.glue import GlueParameters, refine
from engine.parameters import Parameters, parameter
from engine.types import Displacement, FramePair

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


class NetworkThenGlue(Estimator[RefinedParameters]):
    """A network of the registry, its motion refined pair by pair."""

    kind = "combined"
    strain_window_m = SMOOTHED_WINDOW_M
    Params = RefinedParameters
    network: ClassVar[str]

    def track(
        self, pairs: Iterable[FramePair], params: RefinedParameters, device: "torch.device"
    ) -> Iterator[Displacement]:
        """Yield the refined displacement of each pair as soon as the network has it."""
        glue = GlueParameters(start="initial", passes=params.passes, smoothness=params.smoothness)
        for pair, start in self._network().track_pairs(pairs, self._network_parameters(params), device):
            yield refine(pair, start, glue, device)

    def is_recurrent(self, params: RefinedParameters) -> bool:
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

    def card_for(self, params: RefinedParameters) -> "WeightsCard | None":
        """Return the card of the weights that the parameters choose."""
        return self._network().card_for(self._network_parameters(params))

    def _network(self) -> Estimator[Parameters]:
        return ESTIMATORS.get(self.network)

    def _network_parameters(self, params: RefinedParameters) -> Parameters:
        return self._network().Params.from_text({"weights": params.weights, "mirrored": "false"})


@ESTIMATORS.entry
class MusseNetThenGlue(NetworkThenGlue):
    """MUSSE-Net refined by GLUE."""

    name = "musse-net+glue"
    title = "MUSSE-Net refined by GLUE"
    network = "musse-net"
