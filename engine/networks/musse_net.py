"""MUSSE-Net: stages of USSE-Net, each refining the motion of those before it (Joarder et al. 2025, section 3.2).

Stage m sees the reference and the deformed frame compensated by the motion found so far, and predicts what is left.
Two readings differ from the printed formulas. The original frame is warped once with the whole motion, since repeated
interpolation takes the high frequencies out of RF. And the residual, which lives on the compensated frame, is composed
with the motion before it, total(x) = residual(x) + before(x + residual(x)); plain addition errs by up to
|residual| |gradient|. `update="add"` is the paper's equation 3, `interpolation="paper"` its up-sampled bilinear warp.

With `smoothing_samples` the motion is smoothed along the beam before a stage takes it over, as registration by
diffusing "demons" does between its warps (Thirion, Med. Image Anal. 2:243, 1998): the noise of one stage is not built
on by the next, and what the smoothing rounds off, the next stage finds again.
"""

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor, nn

from engine.errors import ParameterError
from engine.networks.base import NETWORKS, DisplacementNetwork, Features, NetworkConfig, State, as_series, in_a_row
from engine.networks.layers.smoothing import smooth_along_beam
from engine.networks.usse_net import USSENet, USSENetConfig
from engine.numerics import warp
from engine.numerics.host import over
from engine.parameters import parameter


@dataclass(frozen=True)
class MUSSENetConfig(USSENetConfig):
    """Options of MUSSE-Net; all stages are built alike."""

    stages: int = parameter(2, minimum=1, maximum=8, help="Number of USSE-Net stages")
    interpolation: Literal["band-limited", "bilinear", "paper"] = parameter(
        "band-limited", help="Interpolation of RF between stages"
    )
    update: Literal["compose", "add"] = parameter(
        "compose", help="How a stage's motion joins that before it: composed, or added as the paper prints (equation 3)"
    )
    smoothing_samples: float = parameter(
        0.0,
        unit="samples",
        minimum=0.0,
        maximum=200.0,
        help="Standard deviation of the Gaussian along the beam that smooths motion between stages; 0 for none",
    )


class MUSSENet(DisplacementNetwork):
    """Stages run in order; the heads of all but the first start at zero, so a new stage changes nothing at first."""

    name = "musse-net"
    Config = MUSSENetConfig
    config: MUSSENetConfig

    def __init__(self, config: NetworkConfig | None = None) -> None:
        config = config or MUSSENetConfig()
        if not isinstance(config, MUSSENetConfig):
            raise TypeError(f"MUSSE-Net needs a MUSSENetConfig, found {type(config).__name__}")
        super().__init__(config)
        stage_config = USSENetConfig(config.base_channels, config.output_scale, config.tca_layout, config.fusion)
        self.stages = nn.ModuleList(USSENet(stage_config) for _ in range(config.stages))
        for stage in self._stages()[1:]:
            stage.decoder.head.zero()
        self.active_stages = config.stages

    def train_stage(self, stage: int) -> None:
        """Freeze the stages before `stage` (1 is the first) and run none after it; `forward` then ends there."""
        if not 1 <= stage <= len(self.stages):
            raise ParameterError(f"stage {stage} does not exist, there are {len(self.stages)}")
        for index, module in enumerate(self.stages, start=1):
            module.requires_grad_(index == stage)
        self.active_stages = stage

    def run_as_printed(self) -> None:
        """Join stages by the paper's addition and up-sampled bilinear warp, without smoothing, however trained."""
        self.config = replace(self.config, interpolation="paper", update="add", smoothing_samples=0.0)

    def stage_motions(self, reference: Tensor, deformed: Tensor) -> list[Tensor]:
        """Total motion after each active stage, each (B, T, 2, H, W), of a whole series as in `forward`."""
        motions: list[Tensor] = []
        for stage in self._active():
            with torch.set_grad_enabled(torch.is_grad_enabled() and _trains(stage)):
                features = stage.encode_reference(reference)
                state = stage.initial_state(features)
                motions.append(self._refined(stage, features, deformed, motions[-1] if motions else None, state)[0])
        return motions

    def forward(self, reference: Tensor, deformed: Tensor) -> Tensor:
        """Motion after the last active stage."""
        return self.stage_motions(reference, deformed)[-1]

    def encode_reference(self, reference: Tensor) -> Features:
        """Each stage's features of the reference."""
        return tuple(stage.encode_reference(reference)[0] for stage in self._active())

    def initial_state(self, features: Features) -> State:
        """Zeros for each stage."""
        return tuple(stage.initial_state((entry,))[0] for stage, entry in zip(self._active(), features, strict=True))

    def step(self, features: Features, deformed: Tensor, state: State) -> tuple[Tensor, State]:
        """Motion of the next frames through every active stage; see `DisplacementNetwork.step`."""
        motion: Tensor | None = None
        after = []
        for stage, own_features, own_state in zip(self._active(), features, state, strict=True):
            motion, stage_state = self._refined(stage, (own_features,), deformed, motion, (own_state,))
            after.append(stage_state[0])
        assert motion is not None
        return motion, tuple(after)

    def refine(
        self, features: Features, deformed: Tensor, state: State, stop_threshold_samples: float
    ) -> tuple[Tensor, State, Tensor]:
        """Motion of each frame until a stage changes it by less than the threshold; see `DisplacementNetwork.refine`.

        This exit is ours: the paper chooses the number of stages M once, for a data set, from the same mean changes.
        Two successive stages are compared, so at least two run. A frame that stopped leaves later memories alone; among
        others it goes through their stages in vain.
        """
        first, *further = self._active()
        total, state_after = self._refined(first, (features[0],), deformed, None, (state[0],))
        after = [state_after[0], *state[1:]]
        changes = [total.abs().mean(dim=(2, 3, 4))]
        going = torch.ones_like(changes[0], dtype=torch.bool)
        for index, stage in enumerate(further, start=1):
            if over(going):
                break
            mask = None if over(~going) else going.T.reshape(-1, 1, 1, 1)  # the order of maps inside the networks
            motion, state_after = self._refined(stage, (features[index],), deformed, total, (state[index],), mask)
            after[index] = state_after[0]
            change = (motion - total).abs().mean(dim=(2, 3, 4))
            changes.append(torch.where(going, change, torch.nan))
            total = torch.where(going[..., None, None, None], motion, total)
            going = going & (change >= stop_threshold_samples)
        return total, tuple(after), torch.stack(changes)

    def _refined(
        self,
        stage: USSENet,
        features: Features,
        deformed: Tensor,
        before: Tensor | None,
        state: State,
        going: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Total motion after `stage`, which sees the frames compensated by the motion `before` it."""
        if before is None:
            return stage.step(features, deformed, state)
        with torch.autocast(deformed.device.type, enabled=False):
            flat = smooth_along_beam(in_a_row(before), self.config.smoothing_samples)
            compensated = warp.warp(in_a_row(deformed), flat, self.config.interpolation)
        residual, state = stage.step(features, as_series(compensated, deformed), state, going)
        flat_residual = in_a_row(residual)
        total = warp.compose(flat_residual, flat) if self.config.update == "compose" else flat_residual + flat
        return as_series(total, deformed), state

    def _stages(self) -> list[USSENet]:
        return [stage for stage in self.stages if isinstance(stage, USSENet)]

    def _active(self) -> list[USSENet]:
        return self._stages()[: self.active_stages]


def _trains(stage: nn.Module) -> bool:
    return any(values.requires_grad for values in stage.parameters())


NETWORKS.register(MUSSENet.name, MUSSENet)
