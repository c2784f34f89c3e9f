"""Compression, extension, shear and rotation of simulated RF: each component is exact within its uncertainty."""

import numpy as np
import pytest
import torch

from engine.maps.base import MAPS, MapInput
from engine.pipeline import Settings, run
from engine.strain.least_squares import LeastSquaresParams
from engine.types import Geometry, RFSequence

pytestmark = pytest.mark.slow
TURN = np.radians(2.0)
MIDDLE_M = 7e-3
MOTIONS = {
    "compression": np.array([[0.0, 0.0], [0.0, -0.015]]),
    "extension": np.array([[0.01, 0.0], [0.0, -0.02]]),
    "shear": np.array([[0.0, 0.0], [0.015, 0.0]]),
    "rotation": np.array([[np.cos(TURN) - 1, -np.sin(TURN)], [np.sin(TURN), np.cos(TURN) - 1]]),
}
"""Displacement by place: lateral and axial, by lateral and depth."""


@pytest.mark.parametrize("method", ["ncc", "glue"])
@pytest.mark.parametrize("name", MOTIONS)
def test_each_component_is_exact_within_its_sigma(
    name: str, method: str, render, geometry: Geometry, cpu: torch.device
) -> None:
    (u_x, u_z), (w_x, w_z) = MOTIONS[name]
    pair = render(
        lambda z, x: (w_x * x + w_z * (z - MIDDLE_M), u_x * x + u_z * (z - MIDDLE_M)), lines=48, snr_db=20, seed=3
    )
    sequence = RFSequence.from_array(np.stack([pair.reference, pair.deformed]), geometry)
    gradient = MOTIONS[name]
    measures = {"infinitesimal": (gradient + gradient.T) / 2}
    measures["green-lagrange"] = measures["infinitesimal"] + gradient.T @ gradient / 2
    for measure, true in measures.items():
        settings = Settings(method, strain_parameters=LeastSquaresParams(measure=measure))
        (estimate,) = run(sequence, settings, cpu)
        source, inside = MapInput(estimate, method), (slice(100, -100), slice(8, -8))
        assert estimate.sigma is not None
        sigmas = {
            "axial-strain": (true[1, 1], estimate.sigma.axial_strain),
            "lateral-strain": (true[0, 0], source.sigma("lateral_strain")),
            "shear-strain": (true[0, 1], source.sigma("shear_strain")),
        }
        for component, (wanted, sigma) in sigmas.items():
            values = MAPS.get(component).of(source)
            error = (values - wanted)[inside] / sigma[inside]
            assert abs(float(np.nanmedian(error))) < 1, (component, measure)
            assert np.nanmean(np.abs(error) < 3) > 0.9, (component, measure)
        if name == "rotation":
            assert float(np.nanmedian(MAPS.get("rotation").of(source)[inside])) == pytest.approx(TURN, abs=1e-3)
