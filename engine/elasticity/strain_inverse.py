"""Relative modulus as the inverse of strain: exact only under uniform stress, and labelled as such.

Strain counts in the direction of the reference region's, so that compression and release look alike and tissue that
gives way the other way is as stiff as can be. What is below twice its own noise has no value.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.elasticity.base import ELASTICITY_METHODS, ElasticityMethod, Progress, RelativeModulus, normalised
from engine.parameters import Parameters, parameter
from engine.strain.kalman import noise_deviation
from engine.types import Ellipse, FrameEstimate, Map

_LEAST_SIGMAS = 2.0
"""Strain within this many standard deviations of its noise is no strain that could be divided by."""


@dataclass(frozen=True)
class StrainInverseParameters(Parameters):
    """Where the inverse of strain may not be trusted."""

    smallest_strain: float = parameter(
        1e-3, minimum=1e-5, maximum=0.05, help="Strains below this, in the reference's direction, count as this"
    )
    smallest_quality: float = parameter(
        0.6, minimum=0.0, maximum=1.0, help="No value where the local correlation is lower"
    )


@ELASTICITY_METHODS.entry
class StrainInverse(ElasticityMethod[StrainInverseParameters]):
    """Instant; underestimates contrast, because stress concentrates around what is stiff."""

    name = "strain-inverse"
    title = "Inverse of strain (uniform stress)"
    Params = StrainInverseParameters
    error_factor = 1.9

    def reconstruct(
        self,
        estimate: FrameEstimate,
        reference: Ellipse,
        params: StrainInverseParameters,
        progress: Progress = lambda iteration, misfit: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> RelativeModulus:
        """See ElasticityMethod."""
        strain, geometry = estimate.strain.axial, estimate.strain.geometry
        noise = _LEAST_SIGMAS * noise_deviation(strain)
        trusted = (np.abs(strain) >= noise) & (estimate.quality >= params.smallest_quality)
        along = strain * _direction(strain[reference.mask((strain.shape[0], strain.shape[1]), geometry)])
        inverse = np.where(trusted, 1 / np.maximum(along, params.smallest_strain), np.nan).astype(np.float32)
        label = "relative modulus (strain-inverse)"
        return RelativeModulus(
            normalised(inverse, reference, geometry), geometry, label, error_factor=self.error_factor
        )


def _direction(strain: Map) -> float:
    """Give the sign of the median strain: -1 in compression, 1 in release or where there is no strain at all."""
    known = strain[np.isfinite(strain)]
    return -1.0 if known.size and np.median(known) < 0 else 1.0
