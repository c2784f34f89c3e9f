"""GLUE on the whole recording: frames of one recording show one strain pattern at several strengths (`glue-stack`).

Each frame moves by d_t = c_t V + r_t: the common pattern V at the frame's amplitude c_t (|c_t| at most 1), and what
the frame has of its own. V is found from all frames at once with the reference estimated along with it
(`global_cost/group.py`), then each frame's own motion around it, under a much stronger prior; what of that varies
slowly over the whole frame, as when the probe's contact changes, is free (`global_cost/slow_motion.py`). Every frame
may have its own answer back: where the pattern explains it worse than its own GLUE estimate, the prior of its own
motion is relaxed, and at last its own estimate stands. Pairs with references of their own (sliding, lagged, listed)
share the pattern of their neighbourhood: it is found from some frames against the first of their references, and bulk
motion tells where the tissue has carried it in each of the others. Joint estimation over frames: Pellot-Barakat et al.
(ElastMI, 2014); the profiled reference is that of group-wise registration.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np

from engine.estimators.base import ESTIMATORS, SMOOTHED_WINDOW_M, RecordingEstimator, Tracker
from engine.estimators.glue import GlueParameters, Refinement, starting_motion
from engine.parameters import Parameters, parameter
from engine.types import Geometry, Map

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.estimators.global_cost.stack import Stack
    from engine.on_device import PairBatch

HARDENING = ((0.5, 0.02), (0.4, 0.01), (0.3, 0.0075))
"""Power of changes of strain in the pattern, and relative strain gradient per mm that is an edge, from stage to stage.

A low power leaves edges where it finds them, and those it starts with are GLUE's: diamonds where lesions are round. The
last stage is harder than GLUE, since less noise is left.
"""

PAIRS_TOGETHER = 5
"""Pairs of neighbours that share a pattern: with more, tissue that hardens shows another one at the end."""


@dataclass(frozen=True)
class StackParameters(Parameters):
    """What matters of the stack and of GLUE's energy; the rest of GLUE keeps its defaults."""

    evidence_frames: int = parameter(
        8, minimum=2, maximum=64, help="Frames, spread over the recording, from which the common pattern is found"
    )
    pattern_smoothness: float = parameter(
        0.5, minimum=0.1, maximum=100.0, help="Prior of the common pattern, times that of GLUE"
    )
    own_smoothness: float = parameter(
        16.0, minimum=0.1, maximum=1000.0, help="Prior of what a frame has of its own, times that of GLUE"
    )
    guard_percent: float = parameter(
        1.0,
        unit="%",
        minimum=0.0,
        maximum=100.0,
        help="How much worse than its own estimate a frame may be explained before it gets its own answer back",
    )
    mechanics: bool = parameter(True, help="Expect equilibrium of the pattern: better lateral motion")
    smoothness: float = parameter(
        GlueParameters.smoothness, minimum=1e-4, maximum=100.0, help="Weight of changes of strain in GLUE"
    )

    def glue(self) -> GlueParameters:
        """Parameters of each frame's own estimate."""
        return GlueParameters(smoothness=self.smoothness)


@dataclass(frozen=True)
class GlueStackParameters(StackParameters):
    """Those of the stack, and where the own estimates start."""

    start: Literal["ncc", "dynamic-programming", "initial"] = parameter(
        "ncc", help="Where each frame's own estimate starts: cross-correlation, dynamic programming, or bulk motion"
    )


def pattern_words(reports: Iterable[Mapping[str, float]]) -> str:
    """Say in a line how many frames follow the recording's common pattern; empty after other methods.

    >>> pattern_words([{"stacked": 1.0}, {"stacked": 0.25}, {"stacked": 0.0}, {"stacked": 1.0}])
    'the common pattern explains 2 of 4 frames, 1 more with freedom of its own, and 1 keeps its own estimate'
    """
    shares = [report["stacked"] for report in reports if "stacked" in report]
    if not shares:
        return ""
    whole, alone = (sum(share == value for share in shares) for value in (1.0, 0.0))
    free = len(shares) - whole - alone
    words = f"the common pattern explains {whole} of {len(shares)} frames"
    words += f", {free} more with freedom of {'its' if free == 1 else 'their'} own" if free else ""
    keep = "keeps its own estimate" if alone == 1 else "keep their own estimates"
    return words + (f", and {alone} {keep}" if alone else "")


S = TypeVar("S", bound=StackParameters)


class Stacked(RecordingEstimator[S]):
    """A method whose own estimates GLUE has refined, then all frames together."""

    strain_window_m = SMOOTHED_WINDOW_M
    pairs_together = PAIRS_TOGETHER

    def evidence(self, count: int, params: S) -> tuple[int, ...]:
        """Return the places of the frames that make the pattern, spread evenly over `count`."""
        places = np.linspace(0, count - 1, min(params.evidence_frames, count))
        return tuple(int(place) for place in np.unique(np.round(places)))

    def keep(self, motion: "Tensor", geometry: Geometry, params: S) -> "Tensor":
        """Keep frames' own estimates on the knots, (n, 2, K, W) float32."""
        from engine.estimators.global_cost.stack import on_knots

        return on_knots(motion, geometry, params.glue())

    def together(
        self,
        batch_of: "Callable[[Sequence[int]], PairBatch]",
        kept: Mapping[int, Map],
        evidence: Sequence[int],
        params: S,
    ) -> "Stack":
        """Find the common pattern."""
        from engine.estimators.global_cost.stack import Stack, StackPlan

        energy = replace(params.glue(), mechanics=params.mechanics)
        stages = tuple(replace(energy, edge_exponent=power, edge_softness=softness) for power, softness in HARDENING)
        plan = StackPlan(energy, stages, params.pattern_smoothness, params.own_smoothness, params.guard_percent / 100)
        return Stack.of(batch_of, kept, evidence, plan)


@ESTIMATORS.entry
class GlueStack(Stacked[GlueStackParameters]):
    """GLUE, each pair on its own, then all frames together."""

    name = "glue-stack"
    title = "GLUE on the whole recording"
    kind = "classical"
    several_references = True
    Params = GlueStackParameters

    def tracker(self, params: GlueStackParameters, device: "torch.device") -> Tracker:
        """GLUE's own estimates."""
        refinement = Refinement(params.glue())
        return lambda batch: refinement(batch, starting_motion(batch, params.start))
