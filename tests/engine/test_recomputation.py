"""An independent recomputation in plain NumPy, written apart from the code it checks.

Geometry, ellipse masks, metrics and least-squares strain again from their definitions, and the modulus of a known
phantom through the whole inversion. Motion between identical frames is in estimators/test_identical_frames.py.
"""

import math

import numpy as np
import pytest
import torch

from engine.elasticity.base import ELASTICITY_METHODS, modulus_ratio
from engine.metrics.contrast import region_metrics
from engine.simulation.mechanics import Compression, compress
from engine.simulation.phantom import Inclusion, Phantom
from engine.strain.base import STRAIN_METHODS
from engine.types import Displacement, Ellipse, FrameEstimate, Geometry, Strain

FS, C, PITCH, START = 33.3e6, 1480.0, 0.25e-3, 7.5e-3
ROWS, LINES = 700, 47
GEOMETRY = Geometry(FS, 5e6, C, PITCH, start_depth_m=START)
CPU = torch.device("cpu")


def places() -> tuple[np.ndarray, np.ndarray]:
    """Lateral position and depth of every pixel's centre."""
    z = START + np.arange(ROWS) * C / (2 * FS)
    x = (np.arange(LINES) - (LINES - 1) / 2) * PITCH
    return np.broadcast_to(x[None, :], (ROWS, LINES)), np.broadcast_to(z[:, None], (ROWS, LINES))


def own_mask(x0: float, z0: float, a: float, b: float, degrees: float) -> np.ndarray:
    """Rotate the plane back: the lateral semi-axis points towards greater depth by the angle."""
    x, z = places()
    turn = np.exp(-1j * math.radians(degrees))
    turned = ((x - x0) + 1j * (z - z0)) * turn
    return (turned.real / a) ** 2 + (turned.imag / b) ** 2 <= 1


@pytest.mark.parametrize("degrees", [-40.0, 0.0, 25.0, 90.0, 170.0])
def test_masks_are_those_of_rotated_ellipses(degrees: float) -> None:
    place = (1.13e-3, 15.2e-3, 2.71e-3, 1.32e-3, degrees)
    np.testing.assert_array_equal(Ellipse(*place).mask((ROWS, LINES), GEOMETRY), own_mask(*place))


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_ratios_are_those_of_their_definitions(ddof: int, sign: float) -> None:
    random = np.random.default_rng(7)
    strain = (sign * random.normal(-0.012, 0.002, (ROWS, LINES))).astype(np.float32)
    strain[random.random(strain.shape) < 0.05] = np.nan
    target, background = (-2.2e-3, 13e-3, 2e-3, 1.5e-3, 30.0), (2.5e-3, 14e-3, 2.2e-3, 2.5e-3, -15.0)
    strain[own_mask(*target)] *= 0.4
    found = region_metrics(strain, GEOMETRY, Ellipse(*target), Ellipse(*background), ddof=ddof)
    t, b = (-strain[own_mask(*place)].astype(np.float64) for place in (target, background))
    t, b = t[~np.isnan(t)], b[~np.isnan(b)]
    mt, mb, st, sb = (
        t.sum() / t.size,
        b.sum() / b.size,
        *(math.sqrt(((v - v.sum() / v.size) ** 2).sum() / (v.size - ddof)) for v in (t, b)),
    )
    cnr = math.sqrt(2 * (mb - mt) ** 2 / (sb**2 + st**2))
    expected = {
        "snr_target": abs(mt) / st,
        "snr_background": abs(mb) / sb,
        "cnr": cnr,
        "strain_ratio": mb / mt,
        "mean_target": 100 * mt,
        "mean_background": 100 * mb,
        "std_target": 100 * st,
    }
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-6), name
    assert found["cnr"].decibel == pytest.approx(20 * math.log10(cnr), abs=1e-5)
    assert np.sign(found["mean_target"].value) == sign


def test_least_squares_strain_is_the_slope_of_a_line_fitted_to_each_window() -> None:
    random = np.random.default_rng(3)
    _, z = places()
    axial = (-0.01 * z + 2e-5 * np.sin(900 * z) + 1e-7 * random.standard_normal(z.shape)).astype(np.float32)
    displacement = Displacement(axial, np.zeros_like(axial), GEOMETRY)
    method = STRAIN_METHODS.get("least-squares")
    found = method.strain(displacement, np.ones_like(axial), method.Params(window_m=1.5e-3), CPU)
    spacing = C / (2 * FS)
    half = round((1.5e-3 / spacing - 1) / 2)
    assert found.window_m == pytest.approx((2 * half + 1) * spacing)
    for row in (half, 200, 350, ROWS - half - 1):
        depths = z[row - half : row + half + 1, 0]
        slopes = np.polyfit(depths - depths.mean(), axial[row - half : row + half + 1].astype(np.float64), 1)[0]
        np.testing.assert_allclose(found.axial[row], slopes, atol=2e-6)


@pytest.mark.parametrize("true", [3.0, 0.4])
def test_the_modulus_of_a_known_phantom_is_found_within_five_percent(true: float) -> None:
    """A disc under plane strain, exact displacement; the inverse knows neither the disc nor any force."""
    geometry = Geometry(40e6, 5e6, 1540.0, 0.5e-3, start_depth_m=5e-3)
    shape = (1400, 56)
    disc = Ellipse(0.0, 18e-3, 5e-3, 5e-3)
    phantom = Phantom(36e-3, 36e-3, (25e3,), (Inclusion(disc, true * 25e3),))
    lateral, axial = (
        0.02
        * compress(phantom, Compression()).on_grid(geometry.depths_m(shape[0]), geometry.laterals_m(shape[1])).numpy()
    )
    motion = Displacement(axial.astype(np.float32), lateral.astype(np.float32), geometry)
    strain = Strain(np.gradient(axial, geometry.axial_spacing_m, axis=0).astype(np.float32), geometry, 2e-3)
    estimate = FrameEstimate(0, 1, motion, strain, np.full(shape, 0.999, np.float32))
    method = ELASTICITY_METHODS.get("gauss-newton")
    reference = Ellipse(10e-3, 18e-3, 2.5e-3, 2.5e-3)
    found = method.reconstruct(estimate, reference, method.Params())
    ratio = modulus_ratio(found, Ellipse(0.0, 18e-3, 3.5e-3, 3.5e-3))
    assert ratio.value == pytest.approx(true, rel=0.05)
    assert ratio.low < true < ratio.high
    assert found.misfit[-1] < 1.5
    assert not ratio.warning
