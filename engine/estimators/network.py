"""The network estimators: trained weights run over a recording, frame after frame, from its reference.

Each deformed frame is first compensated by the pair's initial motion (the bulk alignment, or another estimator's
field); the network finds what is left, and both are composed. The frames go to the grid that the network was trained
on, usually eight samples for a period of the centre frequency, and the motion comes back to the recording's. Networks
that see RF get it equalised; what they find in the frames and in their mirror images is averaged, what they find in the
reference itself is taken off, and the rest is smoothed along the beam.
"""

from typing import TYPE_CHECKING

from engine.errors import WeightsError
from engine.estimators.base import ESTIMATORS, BatchEstimator, Tracker
from engine.estimators.common.network_parameters import MultiStageParams, NetworkParams, RFNetworkParams
from engine.networks import weights
from engine.networks.catalogue import CATALOGUE, NetworkEntry

if TYPE_CHECKING:
    import torch

    from engine.networks.base import DisplacementNetwork
    from engine.networks.weights import WeightsCard
    from engine.on_device import MotionBatch, PairBatch


class NetworkEstimator(BatchEstimator[NetworkParams]):
    """A displacement network with its weights, as an estimator of the registry.

    A network without a memory takes each pair on its own.
    """

    kind = "network"

    def __init__(self, entry: NetworkEntry) -> None:
        self.name, self.title, self._entry = entry.name, entry.title, entry
        self.Params = MultiStageParams if entry.several_stages else RFNetworkParams if entry.sees_rf else NetworkParams

    def tracker(self, params: NetworkParams, device: "torch.device") -> Tracker:
        """Return what runs over one recording; the memory of the network lives in it."""
        from engine.estimators.common.network_tracker import NetworkTracker

        network, card = self._load(params, device)
        begun: list[NetworkTracker] = []

        def next_frames(batch: "PairBatch") -> "MotionBatch":
            if not begun:
                begun.append(NetworkTracker(network, card, params, batch))
            return begun[0](batch)

        return next_frames

    def frames_per_batch(self, params: NetworkParams) -> int:
        """Frames that the user wants encoded together."""
        return params.frames_per_batch

    def is_recurrent(self, params: NetworkParams) -> bool:
        """Whether the network has a memory."""
        return self._entry.recurrent

    def unavailable(self) -> str | None:
        """Say that there are no weights, or what is wrong with them."""
        if not self._stored():
            return "no trained weights in resources/weights"
        try:
            self.card()
        except WeightsError as error:
            return str(error)
        return None

    def card(self) -> "WeightsCard | None":
        """Card of the weights in the box, None without."""
        return weights.WeightsCard.read(weights.find(self.name)) if self._stored() else None

    def card_for(self, params: NetworkParams) -> "WeightsCard | None":
        """Card of the weights that `params` name, else of those in the box."""
        return weights.WeightsCard.read(weights.find(params.weights)) if params.weights else self.card()

    def _stored(self) -> bool:
        try:
            weights.find(self.name)
        except WeightsError:
            return False
        return True

    def _load(self, params: NetworkParams, device: "torch.device") -> "tuple[DisplacementNetwork, WeightsCard]":
        from engine.networks.base import NETWORKS

        module, card = weights.shared(params.weights or self.name, device)
        if not isinstance(module, NETWORKS.get(self.name)):
            raise WeightsError(f"{card.name} holds weights of {card.network}, not of {self.name}")
        return module, card


for _entry in CATALOGUE:
    ESTIMATORS.register(_entry.name, NetworkEstimator(_entry))
