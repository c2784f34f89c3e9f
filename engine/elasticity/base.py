"""What every elasticity method is: a frame's estimate in, a map of relative Young's modulus out."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from engine.errors import ParameterError
from engine.metrics.base import METRICS, Measurement, MetricInput
from engine.parameters import Parameters
from engine.registry import Registry
from engine.types import Ellipse, FrameEstimate, Geometry, Map

P = TypeVar("P", bound=Parameters)
RANGE_WORDS = "The range is a fixed factor of the method, from its errors on simulated discs, whatever the data."
NO_RANGE_WORDS = "No range: with noisy displacement this method may be off by any factor."

LARGEST_MISFIT = 4.0
"""Misfit above which the model leaves twice the noise of the displacement unexplained."""

Progress = Callable[[int, float], None]
"""Called with the iteration number and the misfit (mean squared residual over its expected variance)."""


@dataclass(frozen=True)
class RelativeModulus:
    """Young's modulus relative to the reference region, (H, W) float32 without unit; NaN where there is none.

    `label` says what the map is, for colour bars and captions; `misfit` lists the misfit of each iteration, the
    last of which is about 1 where the model explains the data to within their noise. Ratios of known phantoms lay
    within a factor of `error_factor` of the truth; it is NaN where none covers them. `cut_short` is a sentence where
    the method ended before it had settled.
    """

    relative: Map
    geometry: Geometry
    label: str
    misfit: tuple[float, ...] = ()
    error_factor: float = math.nan
    cut_short: str = ""

    @property
    def warning(self) -> str:
        """Sentences where the elastic model does not explain the displacement, or was cut short; else empty."""
        if not self.misfit or self.misfit[-1] <= LARGEST_MISFIT:
            return self.cut_short
        unexplained = (
            f"The elastic model leaves {math.sqrt(self.misfit[-1]):.2g} times the displacement's noise unexplained: "
            "slip, motion out of the plane or lost tracking, or another plane model, may be behind it."
        )
        return " ".join(filter(None, (self.cut_short, unexplained)))


class ElasticityMethod(ABC, Generic[P]):
    """Relative Young's modulus of one frame; never kPa, since no force is measured."""

    name: ClassVar[str]
    title: ClassVar[str]
    Params: ClassVar[type[Parameters]]
    error_factor: ClassVar[float]
    """Factor between found and true ratio, set by hand to cover the benchmarked discs; NaN where none does."""

    @abstractmethod
    def reconstruct(
        self,
        estimate: FrameEstimate,
        reference: Ellipse,
        params: P,
        progress: Progress = lambda iteration, misfit: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> RelativeModulus:
        """Return the map, normalised to a median of 1 inside `reference`."""


ELASTICITY_METHODS: Registry[ElasticityMethod[Any]] = Registry(
    "elasticity method", "engine.elasticity", ("strain_inverse", "gauss_newton", "statistical", "red")
)


def modulus_ratio(modulus: RelativeModulus, target: Ellipse | None) -> Measurement:
    """Return the median modulus of the target over that of the reference, which is 1 by definition of the map.

    Parameters
    ----------
    modulus
        Relative Young's modulus (H, W) with its geometry, as a method gives it.
    target
        Region in metres.

    Returns
    -------
    Measurement
        The ratio, without a unit, its range and its warning, or the reason why there is none.

    Its range is a fixed factor of the method (`range_kind` is `method-factor`), which covered the true ratios of
    simulated discs around those found: not an interval of confidence, and blind to the noise of the frame. The warning
    says where the model does not explain the displacement, and the range does not hold. Methods that no factor
    covers have no range.
    """
    source = MetricInput(modulus.geometry, target=target, modulus=modulus.relative)
    found = METRICS.get("modulus_ratio").measure(source)
    if found.reason:
        return found
    if math.isnan(modulus.error_factor):
        return replace(found, warning=modulus.warning)
    low, high = found.value / modulus.error_factor, found.value * modulus.error_factor
    return replace(found, low=low, high=high, warning=modulus.warning, range_kind="method-factor")


def range_words(ratio: Measurement) -> str:
    """Return what the range beside a modulus ratio is, or why there is none."""
    return RANGE_WORDS if ratio.range_kind else NO_RANGE_WORDS


def normalised(modulus: Map, reference: Ellipse, geometry: Geometry) -> Map:
    """Divide by the median inside the reference; a reference without any valid pixel is a ParameterError."""
    inside = modulus[reference.mask(modulus.shape, geometry)]
    inside = inside[np.isfinite(inside)]
    if inside.size == 0:
        raise ParameterError("the reference ellipse holds no pixel with a modulus")
    return np.asarray(modulus / np.median(inside), dtype=np.float32)
