"""Correlation on simulated RF is as accurate as theory allows, no more and no less: the standard grid in small."""

import math

import pytest
import torch

from engine.numerics.accuracy_limit import displacement_deviation_m
from engine.numerics.correlation import WindowGrid, find_peaks
from engine.numerics.warp import motion_from_numpy, warp
from engine.simulation.mechanics import Compression, UnitField, compress
from engine.simulation.noise import in_band_gain_db
from engine.simulation.phantom import Phantom
from engine.simulation.recording import Plan, simulate_with
from engine.simulation.sequences import Degradation, FrameLoad
from engine.types import Geometry

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.6e-3)
"""Lines a beam width apart, so that they are independent."""
PHANTOM = Phantom(60e-3, 40e-3, (30e3,))
WINDOW_M = 2e-3


@pytest.fixture(scope="module")
def confined() -> UnitField:
    return compress(PHANTOM, Compression(sides="confined"), 5e-3)


@pytest.mark.parametrize(
    ("strain", "snr_db", "correlation"),
    [(0.005, 20.0, 1.0), (0.01, 20.0, 1.0), (0.03, 20.0, 1.0), (0.01, 30.0, 0.99), (0.03, 30.0, 0.95)],
)
def test_correlation_reaches_the_bound_within_a_fifth(
    confined: UnitField, strain: float, snr_db: float, correlation: float
) -> None:
    # 2 x 40 lines x 6 independent windows: the spread itself is known to 3 %.
    degradation = Degradation(snr_db=snr_db - in_band_gain_db(GEOMETRY, 0.6), correlation=correlation)
    plan = Plan(PHANTOM, GEOMETRY, (800, 40), (FrameLoad(strain),), degradation=degradation, scatterers_per_cell=15.0)
    grid = WindowGrid.fit(WINDOW_M / GEOMETRY.axial_spacing_m, 1)
    squares = []
    for seed in (1, 2):
        recording = simulate_with(confined, plan, seed)
        truth = recording.truth().read_frame(1)
        axial = truth.axial_displacement_m / GEOMETRY.axial_spacing_m
        motion = motion_from_numpy(axial, truth.lateral_displacement_m, torch.device("cpu"))
        back = warp(recording.rf[1][None, None], motion)[0, 0]
        residual = find_peaks(recording.rf[0], back, grid, 1, None).residual[1, 10:-15]
        squares.append(float(residual.square().mean()))
    found_m = GEOMETRY.axial_spacing_m * math.sqrt(sum(squares) / 2)
    window_m = grid.step * grid.blocks * GEOMETRY.axial_spacing_m
    assert found_m == pytest.approx(displacement_deviation_m(window_m, GEOMETRY, correlation, snr_db), rel=0.2)
