"""Parameters of the network estimators: what a user may choose about how trained weights are run."""

from dataclasses import dataclass, replace
from typing import Literal, Self

from engine.parameters import Parameters, parameter


@dataclass(frozen=True)
class NetworkParams(Parameters):
    """Parameters of every network estimator."""

    canonical_grid: bool = parameter(
        True, help="Resample the RF to the sampling that the network was trained on, and its motion back"
    )
    frames_per_batch: int = parameter(
        0, unit="frames", minimum=0, maximum=64, help="Frames that are encoded together; 0 suits the device"
    )
    precision: Literal["float32", "float16", "bfloat16"] = parameter(
        "float32",
        help="float16 halves what a GPU moves (a CPU becomes slower) and keeps motion to 0.001 samples, that of USENet "
        "to 0.005; bfloat16 is for processors that have it and keeps 0.003 to 0.04",
    )
    weights: str = parameter(
        "", help="Other weights: a name in the box (strainscope methods lists them) or a path; empty for the usual ones"
    )


@dataclass(frozen=True)
class RFNetworkParams(NetworkParams):
    """Parameters of a network that sees RF itself; those after `preset` belong to `tuned`."""

    preset: Literal["tuned", "paper"] = parameter(
        "tuned",
        help="paper: nothing that the papers have not, whatever stands below; the bulk alignment is in the preparation",
    )
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

    def as_run(self) -> Self:
        """Return what holds under the preset."""
        return self if self.preset == "tuned" else replace(self, equalise=False, mirrored=False, smoothing_m=0.0)


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
    stages: int = parameter(
        0, minimum=0, maximum=8, help="Stages that run at most, the paper's M; 0 for all that the weights have"
    )

    def as_run(self) -> Self:
        """Return what holds under the preset: every frame goes through all stages."""
        held = super().as_run()
        return held if held.preset == "tuned" else replace(held, stop_threshold_samples=0.0)
