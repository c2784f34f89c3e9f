"""Relative modulus as the inverse of strain: exact only under uniform stress, and labelled as such."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.elasticity.base import ELASTICITY_METHODS, ElasticityMethod, Progress, RelativeModulus, normalised
from engine.parameters import Parameters, parameter
from engine.types import Ellipse, FrameEstimate


@dataclass(frozen=True)
class StrainInverseParameters(Parameters):
    """Where the inverse of strain may not be trusted."""

    smallest_strain: float = parameter(
        1e-3, minimum=1e-5, maximum=0.05, help="Strain magnitudes below this count as this"
    )
    smallest_quality: float = parameter(
        0.6, minimum=0.0, maximum=1.0, help="No value where the local correlation is lower"
    )


@ELASTICITY_METHODS.entry("strain-inverse")
class StrainInverse(ElasticityMethod[StrainInverseParameters]):
    """Instant; underestimates contrast, because stress concentrates around what is stiff."""

    name = "strain-inverse"
    title = "Inverse of strain (uniform stress)"
    Params = StrainInverseParameters

    def reconstruct(
        self,
        estimate: FrameEstimate,
        reference: Ellipse,
        params: StrainInverseParameters,
        progress: Progress = lambda iteration, misfit: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> RelativeModulus:
        """See ElasticityMethod."""
        geometry = estimate.strain.geometry
        trusted = np.isfinite(estimate.strain.axial) & (estimate.quality >= params.smallest_quality)
        strain = np.maximum(np.abs(estimate.strain.axial), params.smallest_strain)
        inverse = np.where(trusted, 1 / strain, np.nan).astype(np.float32)
        return RelativeModulus(normalised(inverse, reference, geometry), geometry, "relative modulus (strain-inverse)")
