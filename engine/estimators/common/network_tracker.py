"""A displacement network at work on one recording: grid, features of the reference, and the memory between frames.

A network answers some hundredths of a sample also where nothing has moved, and the same wherever little is left to be
found. So it is asked what it sees in the reference itself, and that is taken off: frames that are alike have no motion.
"""

from typing import Any

import torch
from torch import Tensor

from engine.estimators.common.network_parameters import MultiStageParams, NetworkParams, RFNetworkParams
from engine.estimators.common.resample import CanonicalGrid
from engine.networks.base import DisplacementNetwork, Features, State
from engine.networks.layers.equalisation import equalise
from engine.networks.layers.smoothing import smooth_along_beam
from engine.networks.musse_net import MUSSENet
from engine.networks.weights import WeightsCard
from engine.numerics.warp import compose, motion_from_numpy, warp
from engine.types import Displacement, FramePair

_FRAMES_PER_BATCH = {"cpu": 1, "cuda": 4}

_SETTLED = 3
"""After so many frames a memory's part in what a network sees in the reference itself no longer changes."""

_PLAIN = RFNetworkParams(equalise=False, mirrored=False, smoothing_m=0.0)
"""What a network that does not see RF does with these."""


def frames_per_batch(params: NetworkParams, device: torch.device) -> int:
    """Frames that are encoded together: as chosen, or what suits the device."""
    return params.frames_per_batch or _FRAMES_PER_BATCH.get(device.type, 1)


class NetworkTracker:
    """One recording: grid, features of the reference, and the state after the last frame."""

    def __init__(
        self,
        network: DisplacementNetwork,
        card: WeightsCard,
        params: NetworkParams,
        device: torch.device,
        first: FramePair,
    ) -> None:
        self._network = network
        self._device = device
        self._precision = params.precision
        on_rf = params.as_run() if isinstance(params, RFNetworkParams) else _PLAIN
        self._equalise = on_rf.equalise
        self._views = [False, True] if on_rf.mirrored else [False]
        self._tuned = on_rf.preset == "tuned"
        self._threshold = 0.0
        if isinstance(on_rf, MultiStageParams) and isinstance(network, MUSSENet):
            self._threshold = on_rf.stop_threshold_samples
            network.active_stages = min(on_rf.stages or len(network.stages), len(network.stages))
            if not self._tuned:
                network.run_as_printed()
        expected = card.samples_per_period if params.canonical_grid else 0.0
        pitch_m = card.pitch_m if params.canonical_grid else (first.geometry.pitch_m, first.geometry.pitch_m)
        height, width = first.reference.shape
        self._grid = CanonicalGrid.of((height, width), first.geometry, expected, pitch_m)
        self._smoothing_rows = on_rf.smoothing_m / first.geometry.axial_spacing_m * self._grid.axial_factor
        self._reference, self._features, self._states = self._begin(first)
        self._still_states, self._still = list(self._states), list[Tensor]()
        self._seen = 0

    def displacements(self, pairs: list[FramePair]) -> list[Displacement]:
        """Estimate the next frames of the recording."""
        with torch.inference_mode():
            initial = torch.stack([self._initial(pair) for pair in pairs])
            frames = self._compensated(pairs, initial)
            motion, self._states, changes = self._answer(frames, self._states)
            if self._tuned:
                still = [self._standing_still(self._seen + place) for place in range(len(pairs))]
                motion = motion - torch.stack(still)
            self._seen += len(pairs)
            motion = smooth_along_beam(motion, self._smoothing_rows)
            total = self._grid.native_motion(_compose(motion, initial)).cpu().numpy()
        return [
            Displacement.from_samples(field[1], field[0], pair.geometry, _report(changed))
            for field, pair, changed in zip(total, pairs, changes, strict=True)
        ]

    def _begin(self, first: FramePair) -> tuple[Tensor, list[Features], list[State]]:
        """Prepare the reference (1, 1, H, W) and, for each view, its features and an empty memory."""
        with torch.inference_mode(), self._autocast():
            reference = self._frame(first.reference)[None]
            features = [self._network.encode_reference(_seen(reference, mirrored)) for mirrored in self._views]
            return reference, features, [self._network.initial_state(found) for found in features]

    def _answer(self, frames: Tensor, states: list[State]) -> tuple[Tensor, list[State], list[list[float]]]:
        """Mean motion (n, 2, H, W) of all views in frames (n, 1, H, W), the memories after it, what each stage changed.

        The changes are those of the view that used the most stages.
        """
        motions, after, changes = [], [], []
        for mirrored, features, state in zip(self._views, self._features, states, strict=True):
            with self._autocast():
                motion, state_after, changed = self._network.refine(
                    features, _seen(frames[None], mirrored), state, self._threshold
                )
            motions.append(_motion_back(motion[0].float(), mirrored))
            after.append(state_after)
            changes.append(changed)
        return torch.stack(motions).mean(dim=0), after, [max(views, key=len) for views in zip(*changes, strict=True)]

    def _standing_still(self, number: int) -> Tensor:
        """Motion (2, H, W) that the network sees in the reference as frame `number` of a recording that stands still.

        Without a memory all frames have one answer; with one, it is that of the frames before.
        """
        wanted = min(number, _SETTLED - 1) if any(self._still_states) else 0
        while len(self._still) <= wanted:
            motion, self._still_states, _ = self._answer(self._reference, self._still_states)
            self._still.append(motion[0])
        return self._still[wanted]

    def _compensated(self, pairs: list[FramePair], initial: Tensor) -> Tensor:
        frames = torch.stack([self._frame(pair.deformed) for pair in pairs])
        return warp(frames, initial) if initial.any() else frames

    def _frame(self, rf: Any) -> Tensor:
        """RF (H, W) as the network wants it, on its grid and device, (1, H', W')."""
        frame = self._grid.frame(torch.from_numpy(rf).to(self._device))[None]
        return equalise(frame) if self._equalise else frame

    def _initial(self, pair: FramePair) -> Tensor:
        """Return the initial motion (2, H', W') in lines and samples of the network's grid."""
        if pair.initial is None:
            return torch.zeros(2, *self._grid.shape, device=self._device)
        native = motion_from_numpy(pair.initial.axial_samples, pair.initial.lateral_lines, self._device)
        return self._grid.motion(native[0])

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._precision == "bfloat16")


def _report(changes: list[float]) -> dict[str, float]:
    """Say how many stages a frame used, and how much each after the first changed its motion on average."""
    further = {f"change_of_stage_{stage}_samples": size for stage, size in enumerate(changes[1:], start=2)}
    return {"stages": float(len(changes)), **further}


def _seen(frames: Tensor, mirrored: bool) -> Tensor:
    return frames.flip(-1) if mirrored else frames


def _motion_back(motion: Tensor, mirrored: bool) -> Tensor:
    """Take motion (n, 2, H, W) of mirrored frames back: lines run the other way."""
    return motion.flip(-1) * motion.new_tensor([-1.0, 1.0])[:, None, None] if mirrored else motion


def _compose(residual: Tensor, initial: Tensor) -> Tensor:
    return compose(residual, initial) if initial.any() else residual
