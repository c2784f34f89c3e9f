"""The bulk alignment alone, as a method (`bulk`): the smooth motion that every other method starts from.

It follows no inclusion, yet its error is small where the strain is even: what a method adds to it is what that method
has found, and a method that ends with a larger error than this one has done harm.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.estimators.base import ESTIMATORS, PairwiseEstimator
from engine.parameters import Parameters
from engine.preprocess.alignment import bulk_motion
from engine.types import Displacement, FramePair

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class BulkParameters(Parameters):
    """It has no parameters."""


@ESTIMATORS.entry
class Bulk(PairwiseEstimator[BulkParameters]):
    """The initial motion as it is; a pair without any is aligned here."""

    name = "bulk"
    title = "Bulk alignment alone"
    Params = BulkParameters

    def displacement(self, pair: FramePair, params: BulkParameters, device: "torch.device") -> Displacement:
        """Return the pair's initial motion, or find it."""
        return bulk_motion(pair, device) if pair.initial is None else pair.initial
