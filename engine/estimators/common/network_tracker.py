"""A displacement network at work on one recording: grid, features of the reference, and the memory between frames.

A network answers some hundredths of a sample also where nothing has moved, and the same wherever little is left to be
found. So it is asked what it sees in the reference itself, and that is taken off: frames that are alike have no motion.
"""

from collections.abc import Callable, Sequence
from copy import copy
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from engine.estimators.common.network_parameters import MultiStageParams, NetworkParams, RFNetworkParams
from engine.estimators.common.resample import CanonicalGrid
from engine.networks.base import DisplacementNetwork, Features, State
from engine.networks.layers.equalisation import equalise
from engine.networks.layers.smoothing import smooth_along_beam
from engine.networks.musse_net import MUSSENet
from engine.networks.weights import WeightsCard
from engine.numerics.host import on_host
from engine.numerics.warp import compose, warp
from engine.on_device import MotionBatch, PairBatch
from engine.side_by_side import SideBySide

_SETTLED = 3
"""After so many frames a memory's part in what a network sees in the reference itself no longer changes."""

_PLAIN = RFNetworkParams(equalise=False, mirrored=False, smoothing_m=0.0)
"""What a network that does not see RF does with these."""


class NetworkTracker:
    """One recording: grid, features of the reference, and the state after the last frame.

    Frames and their mirror images go through the network together, as the two recordings of one batch; on a CPU each
    of the two has a thread of its own, and maps that are half as large.
    """

    def __init__(
        self, network: DisplacementNetwork, card: WeightsCard, params: NetworkParams, first: PairBatch
    ) -> None:
        self._precision = params.precision
        on_rf = params.as_run() if isinstance(params, RFNetworkParams) else _PLAIN
        self._equalise = on_rf.equalise
        self._mirrored = on_rf.mirrored
        self._tuned = on_rf.preset == "tuned"
        self._threshold = 0.0
        if isinstance(on_rf, MultiStageParams) and isinstance(network, MUSSENet):
            self._threshold = on_rf.stop_threshold_samples
            network = copy(network)  # whose weights are everyone's; how it runs is this recording's
            network.active_stages = min(on_rf.stages or len(network.stages), len(network.stages))
            if not self._tuned:
                network.run_as_printed()
        self._network = network
        expected = card.samples_per_period if params.canonical_grid else 0.0
        pitch_m = card.pitch_m if params.canonical_grid else (first.geometry.pitch_m, first.geometry.pitch_m)
        height, width = first.deformed.shape[-2:]
        self._grid = CanonicalGrid.of((height, width), first.geometry, expected, pitch_m)
        self._smoothing_rows = on_rf.smoothing_m / first.geometry.axial_spacing_m * self._grid.axial_factor
        self._reference = self._frames(first.reference[:1])
        with self._autocast():
            self._features = [network.encode_reference(view[:, 0]) for view in self._views(self._reference)]
            self._state = [network.initial_state(features) for features in self._features]
        self._still_state, self._still = self._state, list[Tensor]()
        self._seen = 0

    def __call__(self, batch: PairBatch) -> MotionBatch:
        """Estimate the next frames of the recording."""
        count = len(batch.deformed)
        frames = self._frames(batch.deformed)
        initial = None if batch.initial is None else self._grid.motion(batch.initial)
        if initial is not None:
            frames = warp(frames, initial)
        motion, state, changes = self._answer(frames, self._state)
        if self._tuned:
            motion = motion - torch.stack([self._standing_still(self._seen + place) for place in range(count)])
        motion = smooth_along_beam(motion, self._smoothing_rows)
        if initial is not None:
            motion = compose(motion, initial)
        self._state, self._seen = state, self._seen + count
        return MotionBatch(self._grid.native_motion(motion), _report(changes))

    def _answer(self, frames: Tensor, states: list[State]) -> tuple[Tensor, list[State], Tensor]:
        """Mean motion (n, 2, H, W) of all views in frames (n, 1, H, W), the memory after it, what each stage changed.

        The changes (stages, n) are those of the view that used the most stages.
        """
        with SideBySide(len(states)) as threads:
            waiting = [
                threads.begin(partial(self._refined, *entry))
                for entry in zip(self._features, self._views(frames), states, strict=True)
            ]
            motions, after, stages = zip(*(result() for result in waiting), strict=True)
        motion, changes = torch.cat(motions).float(), _joined(stages)
        if not self._mirrored:
            return motion[0], [*after], changes[:, 0]
        back = motion[1].flip(-1) * motion.new_tensor([-1.0, 1.0])[:, None, None]  # lines run the other way
        used = changes.isfinite().sum(dim=0)
        return (motion[0] + back) / 2, [*after], torch.where(used[1] > used[0], changes[:, 1], changes[:, 0])

    def _refined(self, features: Features, view: Tensor, state: State) -> Callable[[], tuple[Tensor, State, Tensor]]:
        with torch.inference_mode(), self._autocast():  # neither is known to other threads
            found = self._network.refine(features, view, state, self._threshold)
        return lambda: found

    def _views(self, frames: Tensor) -> tuple[Tensor, ...]:
        """Frames (n, 1, H, W) and, where wanted, their mirror images, (views, n, 1, H, W) or on a CPU one by one."""
        views = torch.stack([frames, frames.flip(-1)]) if self._mirrored else frames[None]
        return torch.split(views, 1 if on_host(frames) else len(views))

    def _standing_still(self, number: int) -> Tensor:
        """Motion (2, H, W) that the network sees in the reference as frame `number` of a recording that stands still.

        Without a memory all frames have one answer; with one, it is that of the frames before.
        """
        wanted = min(number, _SETTLED - 1) if self._still_state else 0
        while len(self._still) <= wanted:
            motion, self._still_state, _ = self._answer(self._reference, self._still_state)
            self._still.append(motion[0])
        return self._still[wanted]

    def _frames(self, rf: Tensor) -> Tensor:
        """RF (n, H, W) as the network wants it, on its grid, (n, 1, H', W')."""
        frames = self._grid.frame(rf)[:, None]
        return equalise(frames) if self._equalise else frames

    def _autocast(self) -> torch.autocast:
        kind = getattr(torch, self._precision)
        return torch.autocast(self._reference.device.type, kind, enabled=kind != torch.float32)


def _joined(changes: Sequence[Tensor]) -> Tensor:
    """Join changes (stages, B, n) of several views, of which some may have used fewer stages, along B."""
    most = max(map(len, changes))
    filled = [functional.pad(entry, (0, 0, 0, 0, 0, most - len(entry)), value=torch.nan) for entry in changes]
    return torch.cat(filled, dim=1)


def _report(changes: Tensor) -> dict[str, Tensor]:
    """Say how many stages each frame used, and how much each after the first changed its motion on average."""
    further = {f"change_of_stage_{stage}_samples": sizes for stage, sizes in enumerate(changes[1:], start=2)}
    return {"stages": changes.isfinite().sum(dim=0).float(), **further}
