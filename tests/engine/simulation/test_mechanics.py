"""Finite elements against states that are known exactly or analytically."""

import numpy as np
import pytest

from engine.errors import ParameterError
from engine.simulation.mechanics import Compression, UnitField, compress, solve
from engine.simulation.phantom import Inclusion, Phantom
from engine.types import Ellipse

NU = 0.48


def box(*moduli: float, tops: tuple[float, ...] = (), inclusions: tuple[Inclusion, ...] = ()) -> Phantom:
    return Phantom(60e-3, 50e-3, moduli, inclusions, tops)


def axial_strain(field: UnitField, depth_m: float, lateral_m: float = 0.0) -> float:
    depths = np.array([depth_m - 0.5e-3, depth_m + 0.5e-3])
    ends = field.on_grid(depths, np.array([lateral_m]))[1, :, 0]
    return float(ends[1] - ends[0]) / 1e-3


def lateral_strain(field: UnitField, depth_m: float) -> float:
    ends = field.on_grid(np.array([depth_m]), np.array([-0.5e-3, 0.5e-3]))[0, 0]
    return float(ends[1] - ends[0]) / 1e-3


@pytest.mark.parametrize(("sides", "lateral"), [("free", NU / (1 - NU)), ("confined", 0.0)])
def test_patch_test_gives_the_constant_strain_everywhere(sides: str, lateral: float) -> None:
    field = compress(box(30e3), Compression(sides=sides), element_m=5e-3)
    depths, laterals = np.linspace(0, 50e-3, 41), np.linspace(-30e-3, 30e-3, 33)
    found = field.on_grid(depths, laterals)
    np.testing.assert_allclose(found[1], np.broadcast_to(-depths[:, None], found[1].shape), atol=1e-12)
    np.testing.assert_allclose(found[0], np.broadcast_to(lateral * laterals, found[0].shape), atol=1e-12)


def test_confined_layers_share_the_stress() -> None:
    # One-dimensional: strain is inversely proportional to the modulus; 20 and 30 mm of 10 and 40 kPa.
    field = compress(box(10e3, 40e3, tops=(20e-3,)), Compression(sides="confined"), element_m=2.5e-3)
    soft = -50 / (20 + 30 * 10 / 40)
    assert axial_strain(field, 10e-3) == pytest.approx(soft, rel=1e-3)
    assert axial_strain(field, 35e-3) == pytest.approx(soft / 4, rel=1e-3)


@pytest.mark.parametrize("contrast", [0.4, 3.0])
def test_circular_inclusion_has_the_analytic_strain(contrast: float) -> None:
    """Eshelby's cylinder in plane strain: the strain inside is uniform.

    The deviatoric part is the far field's over 1 + beta (G - 1) with beta = (3 - 4 nu) / (4 (1 - nu)), the areal part
    over 1 + alpha (G - 1) with alpha = 1 / (2 (1 - nu)), G the ratio of moduli. A radius of 3 mm in a box of
    60 x 50 mm disturbs the far field by (r / L)^2, some percent.
    """
    inclusion = Inclusion(Ellipse(0.0, 25e-3, 3e-3, 3e-3), contrast * 20e3)
    field = compress(box(20e3, inclusions=(inclusion,)), Compression(), element_m=1e-3)
    far_axial, far_lateral = -1.0, NU / (1 - NU)
    deviatoric = (far_axial - far_lateral) / (1 + (3 - 4 * NU) / (4 * (1 - NU)) * (contrast - 1))
    areal = (far_axial + far_lateral) / (1 + (contrast - 1) / (2 * (1 - NU)))
    depths, laterals = 25e-3 + np.linspace(-1.8e-3, 1.8e-3, 25), np.linspace(-1.5e-3, 1.5e-3, 9)
    inside = np.diff(field.on_grid(depths, laterals)[1].numpy(), axis=0) / np.diff(depths)[:, None]
    assert inside.mean() == pytest.approx((areal + deviatoric) / 2, rel=0.015)
    assert inside.std() < 0.025 * abs(inside.mean())
    assert axial_strain(field, 25e-3, -25e-3) == pytest.approx(-1.0, rel=0.03)


def test_nearly_incompressible_tissue_does_not_lock() -> None:
    # Bonded ends and a ratio of 0.495: elements that lock change by tens of percent from mesh to mesh.
    load = Compression(bonded=True, poisson_ratio=0.495)
    coarse, fine = (compress(box(20e3), load, element_m=size) for size in (5e-3, 2e-3))
    assert lateral_strain(coarse, 25e-3) == pytest.approx(lateral_strain(fine, 25e-3), rel=0.01)
    assert lateral_strain(fine, 25e-3) > 1.0


def test_loads_that_share_a_factor_are_linear_in_the_tilt() -> None:
    even, half, full = solve(box(20e3), tuple(Compression(tilt=tilt) for tilt in (0.0, 0.5, 1.0)), element_m=5e-3)
    np.testing.assert_allclose(half.values_m, (even.values_m + full.values_m) / 2, atol=1e-12)
    assert axial_strain(full, 25e-3, 20e-3) < 1.2 * axial_strain(full, 25e-3, -20e-3) < 0


def test_field_goes_through_the_nodes() -> None:
    inclusion = Inclusion(Ellipse(4e-3, 20e-3, 5e-3, 4e-3, 30.0), 90e3)
    field = compress(box(20e3, inclusions=(inclusion,)), Compression(), element_m=5e-3)
    rows, columns = field.values_m.shape[1:]
    nodes = field.on_grid(np.linspace(0, 50e-3, rows), np.linspace(-30e-3, 30e-3, columns))
    np.testing.assert_allclose(nodes, field.values_m, atol=1e-9)


def test_moduli_must_be_positive() -> None:
    with pytest.raises(ParameterError, match="positive"):
        box(-1.0)
    with pytest.raises(ParameterError, match="one modulus more"):
        box(1.0, 2.0)
