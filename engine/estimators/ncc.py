"""Multi-level normalised cross-correlation with companding and a sub-sample fit of the correlation peak."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from engine.estimators.base import ESTIMATORS, PairwiseBatchEstimator
from engine.estimators.common.window_tracker import TrackingParams, WindowTracker
from engine.numerics.correlation import Peaks, find_peaks
from engine.on_device import MotionBatch, PairBatch
from engine.parameters import parameter


@dataclass(frozen=True)
class NccParams(TrackingParams):
    """Parameters of the correlation tracker."""

    peak_fit: Literal["cosine", "parabola"] = parameter(
        "cosine", help="Curve through the axial peak; the cosine's bias is a tenth of the parabola's"
    )


@ESTIMATORS.entry
class Ncc(PairwiseBatchEstimator[NccParams]):
    """Window-based tracking, the yardstick of the field; each pair on its own, from its initial motion."""

    name = "ncc"
    title = "NCC, multi-level"
    Params = NccParams

    def motion(self, batch: PairBatch, params: NccParams) -> MotionBatch:
        """Track the pairs."""
        return _CorrelationTracker(batch, params).motion()


class _CorrelationTracker(WindowTracker):
    params: NccParams

    def measure(self, compensated: Tensor) -> Peaks:
        """Correlate within one sample and fit the peak."""
        cosine = self.params.peak_fit == "cosine"
        reach = 0 if self.params.search_lines else None
        return find_peaks(self.reference, compensated, self.grid, 1, reach, carrier=cosine, symmetric=True)
