"""All components of strain: exact for uniform motion, in both measures, on straight lines and on lines that fan out."""

from dataclasses import replace

import numpy as np
import pytest

from engine.strain.tensor import green_lagrange, strain_tensor
from engine.types import Displacement, Geometry, Sector, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
SHAPE = (400, 41)
X, Z = np.meshgrid(GEOMETRY.laterals_m(SHAPE[1]), GEOMETRY.depths_m(SHAPE[0]))
INSIDE = slice(60, -60), slice(8, -8)
TURN = np.radians(2.0)
ROTATION = np.array([[np.cos(TURN), -np.sin(TURN)], [np.sin(TURN), np.cos(TURN)]])


def deformed(matrix: np.ndarray) -> Displacement:
    """Displacement of x -> F x, with x = (lateral, depth)."""
    lateral = matrix[0, 0] * X + matrix[0, 1] * Z - X
    axial = matrix[1, 0] * X + matrix[1, 1] * Z - Z
    return Displacement(axial.astype(np.float32), lateral.astype(np.float32), GEOMETRY)


def components(displacement: Displacement, measure: str) -> dict[str, float]:
    """Medians of every component, which must be the same everywhere inside."""
    slope = np.gradient(displacement.axial_m, GEOMETRY.axial_spacing_m, axis=0).astype(np.float32)
    strain = Strain(slope, GEOMETRY, 2e-3)
    if measure == "green-lagrange":
        strain = green_lagrange(displacement, strain, None)
    found = vars(strain_tensor(displacement, strain, None))
    for values in found.values():
        assert float(np.ptp(values[INSIDE])) < 2e-5
    return {name: float(np.median(values[INSIDE])) for name, values in found.items()}


@pytest.mark.parametrize(
    ("matrix", "axial", "lateral", "shear"),
    [
        ([[1, 0], [0, 0.98]], -0.02, 0.0, 0.0),
        ([[1.015, 0], [0, 0.97]], -0.03, 0.015, 0.0),
        ([[1, 0.01], [0, 1]], 0.0, 0.0, 0.005),
        ([[1, 0.01], [0.01, 1]], 0.0, 0.0, 0.01),
    ],
)
def test_uniform_motion_gives_each_component(
    matrix: list[list[float]], axial: float, lateral: float, shear: float
) -> None:
    found = components(deformed(np.array(matrix)), "infinitesimal")
    assert (found["axial"], found["lateral"], found["shear"]) == pytest.approx((axial, lateral, shear), abs=3e-6)


@pytest.mark.parametrize("stretch", [np.eye(2), np.array([[1.02, 0.004], [0.004, 0.96]])])
def test_green_lagrange_strain_knows_nothing_of_turning(stretch: np.ndarray) -> None:
    """Turned by 2 degrees alone it is zero, where infinitesimal strain is not; E = (F'F - 1) / 2 in general."""
    displacement = deformed(ROTATION @ stretch)
    found = components(displacement, "green-lagrange")
    wanted = (stretch.T @ stretch - np.eye(2)) / 2
    assert found["axial"] == pytest.approx(wanted[1, 1], abs=3e-6)
    assert found["lateral"] == pytest.approx(wanted[0, 0], abs=3e-6)
    assert found["shear"] == pytest.approx(wanted[0, 1], abs=3e-6)
    assert np.degrees(found["rotation_rad"]) == pytest.approx(2.0, abs=1e-3)
    infinitesimal = components(displacement, "infinitesimal")
    assert infinitesimal["axial"] == pytest.approx((ROTATION @ stretch)[1, 1] - 1, abs=3e-6)


def test_lines_that_fan_out_see_no_strain_in_a_shift_nor_in_a_turn() -> None:
    geometry = replace(GEOMETRY, sector=Sector(40e-3, 0.5e-2))
    sector, shape = geometry.sector, SHAPE
    assert sector is not None
    radius = (sector.apex_radius_m + geometry.depths_m(shape[0]))[:, None]
    angle = (np.arange(shape[1]) - (shape[1] - 1) / 2)[None, :] * sector.angle_step_rad
    spacing = geometry.line_spacings_m(shape[0])[:, None]
    shift, turn = 1e-4, 0.01
    motions = {
        "shift": (shift * np.cos(angle) + 0 * radius, -shift * np.sin(angle) + 0 * radius),
        "turn": (0 * radius * angle, turn * radius + 0 * angle),
    }
    for name, (outward, across) in motions.items():
        lateral = (across / spacing * geometry.pitch_m).astype(np.float32)
        displacement = Displacement(outward.astype(np.float32), lateral, geometry)
        found = strain_tensor(displacement, Strain(np.zeros(shape, np.float32), geometry, 2e-3), None)
        assert np.abs(found.lateral[INSIDE]).max() < 2e-5
        assert np.abs(found.shear[INSIDE]).max() < 2e-5
        wanted = 0.0 if name == "shift" else -turn
        assert found.rotation_rad[INSIDE] == pytest.approx(np.full_like(found.lateral[INSIDE], wanted), abs=1e-4)
