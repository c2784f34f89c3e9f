"""The network estimators: trained weights run over a recording, frame after frame, from its reference.

Each deformed frame is first compensated by the pair's initial motion (the bulk alignment, or another estimator's
field); the network finds what is left, and both are composed. The frames go to the grid that the network was trained
on, usually eight samples for a period of the centre frequency, and the motion comes back to the recording's. Networks
that see RF get it equalised; what they find in the frames and in their mirror images is averaged, and smoothed along
the beam.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Literal

from engine.errors import WeightsError
from engine.estimators.base import ESTIMATORS, Estimator
from engine.networks import weights
from engine.parameters import Parameters, parameter
from engine.types import Displacement, FramePair

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.networks.base import DisplacementNetwork, Features, State
    from engine.networks.weights import WeightsCard

_FRAMES_PER_BATCH = {"cpu": 1, "cuda": 4}


@dataclass(frozen=True)
class NetworkParams(Parameters):
    """Parameters of every network estimator."""

    canonical_grid: bool = parameter(
        True, help="Resample the RF to the sampling that the network was trained on, and its motion back"
    )
    frames_per_batch: int = parameter(
        0, unit="frames", minimum=0, maximum=64, help="Frames that are encoded together; 0 suits the device"
    )
    precision: Literal["float32", "bfloat16"] = parameter(
        "float32", help="bfloat16 computes faster on processors that have it, and less exactly"
    )
    weights: str = parameter(
        "", help="Other weights: a name in the box (strainscope methods lists them) or a path; empty for the usual ones"
    )


@dataclass(frozen=True)
class RFNetworkParams(NetworkParams):
    """Parameters of a network that sees RF itself."""

    equalise: bool = parameter(
        True, help="Divide the RF by its local magnitude first, so that weak echoes count as much as strong ones"
    )
    mirrored: bool = parameter(
        True, help="Average with the motion found in mirrored frames: less noise, twice the time"
    )
    smoothing_m: float = parameter(
        0.5e-3,
        unit="m",
        minimum=0.0,
        maximum=5e-3,
        help="Standard deviation of the Gaussian along the beam that smooths the motion; 0 for none",
    )


_PLAIN = RFNetworkParams(equalise=False, mirrored=False, smoothing_m=0.0)
"""What a network that does not see RF does with these."""


@dataclass(frozen=True)
class MultiStageParams(RFNetworkParams):
    """Parameters of a network of several stages."""

    stop_threshold_samples: float = parameter(
        0.05,
        unit="samples",
        minimum=0.0,
        maximum=10.0,
        help="Stop refining a frame when a stage changes its motion by less than this on average",
    )


class NetworkEstimator(Estimator[NetworkParams]):
    """A displacement network with its weights, as an estimator of the registry.

    A network without a memory takes each pair on its own, so it is not `recurrent`.
    """

    kind = "network"

    def __init__(
        self, name: str, title: str, *, recurrent: bool = True, params: type[NetworkParams] = RFNetworkParams
    ) -> None:
        self.name, self.title, self.recurrent, self.Params = name, title, recurrent, params

    def track(
        self, pairs: Iterable[FramePair], params: NetworkParams, device: "torch.device"
    ) -> Iterator[Displacement]:
        """Run over one recording; the memory of the network lives in this call."""
        network, card = self._load(params)
        stream = iter(pairs)
        first = next(stream, None)
        if first is None:
            return
        tracker = _Tracker(network.to(device), card, params, device, first)
        waiting = chain([first], stream)
        size = params.frames_per_batch or _FRAMES_PER_BATCH.get(device.type, 1)
        while group := list(islice(waiting, size)):
            yield from tracker.displacements(group)

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

    def _load(self, params: NetworkParams) -> "tuple[DisplacementNetwork, WeightsCard]":
        from engine.networks.base import NETWORKS

        module, card = weights.load(params.weights or self.name)
        if not isinstance(module, NETWORKS.get(self.name)):
            raise WeightsError(f"{card.name} holds weights of {card.network}, not of {self.name}")
        return module, card


class _Tracker:
    """One recording: grid, features of the reference, and the state after the last frame."""

    def __init__(
        self,
        network: "DisplacementNetwork",
        card: "WeightsCard",
        params: NetworkParams,
        device: "torch.device",
        first: FramePair,
    ) -> None:
        from engine.estimators.common.resample import CanonicalGrid

        self._network = network
        self._device = device
        self._precision = params.precision
        on_rf = params if isinstance(params, RFNetworkParams) else _PLAIN
        self._equalise = on_rf.equalise
        self._views = [False, True] if on_rf.mirrored else [False]
        self._threshold = params.stop_threshold_samples if isinstance(params, MultiStageParams) else 0.0
        expected = card.samples_per_period if params.canonical_grid else 0.0
        pitch_m = card.pitch_m if params.canonical_grid else (first.geometry.pitch_m, first.geometry.pitch_m)
        height, width = first.reference.shape
        self._grid = CanonicalGrid.of((height, width), first.geometry, expected, pitch_m)
        self._smoothing_rows = on_rf.smoothing_m / first.geometry.axial_spacing_m * self._grid.axial_factor
        self._features, self._states = self._begin(first)

    def displacements(self, pairs: list[FramePair]) -> list[Displacement]:
        """Estimate the next frames of the recording."""
        import torch

        from engine.networks.layers.smoothing import smooth_along_beam

        with torch.inference_mode():
            initial = torch.stack([self._initial(pair) for pair in pairs])
            motion, stages = self._residual(self._compensated(pairs, initial))
            motion = smooth_along_beam(motion, self._smoothing_rows)
            total = self._grid.native_motion(_compose(motion, initial)).cpu().numpy()
        return [
            Displacement.from_samples(field[1], field[0], pair.geometry, {"stages": float(used)})
            for field, pair, used in zip(total, pairs, stages, strict=True)
        ]

    def _begin(self, first: FramePair) -> "tuple[list[Features], list[State]]":
        """Features of the reference and empty memory, for each view."""
        import torch

        with torch.inference_mode(), self._autocast():
            reference = self._frame(first.reference)[None]
            features = [self._network.encode_reference(_seen(reference, mirrored)) for mirrored in self._views]
            return features, [self._network.initial_state(found) for found in features]

    def _residual(self, compensated: "Tensor") -> "tuple[Tensor, list[int]]":
        """Motion (n, 2, H, W) that is left in frames (n, 1, H, W), the mean of all views, and the stages used."""
        import torch

        motions, used = [], []
        for view, mirrored in enumerate(self._views):
            with self._autocast():
                motion, self._states[view], stages = self._network.refine(
                    self._features[view], _seen(compensated[None], mirrored), self._states[view], self._threshold
                )
            motions.append(_motion_back(motion[0].float(), mirrored))
            used.append(stages)
        return torch.stack(motions).mean(dim=0), [max(counts) for counts in zip(*used, strict=True)]

    def _compensated(self, pairs: list[FramePair], initial: "Tensor") -> "Tensor":
        import torch

        from engine.numerics.warp import warp

        frames = torch.stack([self._frame(pair.deformed) for pair in pairs])
        return warp(frames, initial) if initial.any() else frames

    def _frame(self, rf: Any) -> "Tensor":
        """RF (H, W) as the network wants it, on its grid and device, (1, H', W')."""
        import torch

        from engine.networks.layers.equalisation import equalise

        frame = self._grid.frame(torch.from_numpy(rf).to(self._device))[None]
        return equalise(frame) if self._equalise else frame

    def _initial(self, pair: FramePair) -> "Tensor":
        """Return the initial motion (2, H', W') in lines and samples of the network's grid."""
        import torch

        from engine.numerics.warp import motion_from_numpy

        if pair.initial is None:
            return torch.zeros(2, *self._grid.shape, device=self._device)
        native = motion_from_numpy(pair.initial.axial_samples, pair.initial.lateral_lines, self._device)
        return self._grid.motion(native[0])

    def _autocast(self) -> "torch.autocast":
        import torch

        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._precision == "bfloat16")


def _seen(frames: "Tensor", mirrored: bool) -> "Tensor":
    return frames.flip(-1) if mirrored else frames


def _motion_back(motion: "Tensor", mirrored: bool) -> "Tensor":
    """Take motion (n, 2, H, W) of mirrored frames back: lines run the other way."""
    return motion.flip(-1) * motion.new_tensor([-1.0, 1.0])[:, None, None] if mirrored else motion


def _compose(residual: "Tensor", initial: "Tensor") -> "Tensor":
    from engine.numerics.warp import compose

    return compose(residual, initial) if initial.any() else residual


for _estimator in (
    NetworkEstimator("usenet", "USENet", recurrent=False),
    NetworkEstimator("reusenet", "ReUSENet"),
    NetworkEstimator("usse-net", "USSE-Net"),
    NetworkEstimator("musse-net", "MUSSE-Net", params=MultiStageParams),
    NetworkEstimator("flownet2", "FlowNet 2.0 on B-mode", recurrent=False, params=NetworkParams),
    NetworkEstimator("end-to-end-cnn", "End-to-end CNN", recurrent=False, params=NetworkParams),
):
    ESTIMATORS.register(_estimator.name, _estimator)
