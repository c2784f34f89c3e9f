import numpy as np
import pytest

from engine.errors import ParameterError
from engine.preprocess.scan_conversion import ScanConverter
from engine.types import Geometry, Sector

SHAPE = (200, 41)


def converter(sector=None, spacing_m=0.2e-3, **changes):
    values = {"sampling_hz": 10e6, "center_hz": 3e6, "sound_speed_m_s": 1540.0, "pitch_m": 1e-3, "start_depth_m": 2e-3}
    return ScanConverter(Geometry(**{**values, **changes}, sector=sector), SHAPE, spacing_m)


@pytest.mark.parametrize(
    "sector",
    [Sector(40e-3, 0.02), Sector(0.0, 0.03), Sector(10e-3, 0.01, middle_rad=0.3)],
    ids=["convex", "phased", "steered"],
)
def test_there_and_back(sector):
    scan = converter(sector)
    row, line = np.meshgrid(np.linspace(0, 199, 7), np.linspace(0, 40, 5), indexing="ij")
    again = scan.to_beam(*scan.to_image(row, line))
    np.testing.assert_allclose(again[0], row, atol=1e-9)
    np.testing.assert_allclose(again[1], line, atol=1e-9)


def test_middle_line_points_straight_down():
    scan = converter(Sector(40e-3, 0.02))
    lateral, depth = scan.to_image(np.array([0.0, 199.0]), np.array([20.0, 20.0]))
    np.testing.assert_allclose(lateral, 0, atol=1e-12)
    np.testing.assert_allclose(depth, scan.geometry.depths_m(200)[[0, -1]])
    lateral, depth = scan.to_image(np.array([100.0]), np.array([40.0]))
    assert lateral > 0
    assert depth < scan.geometry.depths_m(200)[100]


@pytest.mark.parametrize("sector", [Sector(40e-3, 0.02), Sector(0.0, 0.03)], ids=["convex", "phased"])
def test_a_map_that_is_linear_in_depth_and_angle_stays_so(sector):
    scan = converter(sector)
    row, line = np.meshgrid(np.arange(200.0), np.arange(41.0), indexing="ij")
    image = scan.convert((3 * row - 2 * line).astype(np.float32))
    there = scan.to_beam(scan.laterals_m[None, :], scan.depths_m[:, None])
    inside = np.isfinite(image)
    np.testing.assert_allclose(image[inside], (3 * there[0] - 2 * there[1])[inside], atol=1e-2)
    fan = 40 * sector.angle_step_rad / 2
    near, far = sector.apex_radius_m + 2e-3, sector.apex_radius_m + scan.geometry.depths_m(200)[-1]
    assert inside.sum() * scan.spacing_m**2 == pytest.approx(fan * (far**2 - near**2), rel=0.03)


def test_missing_stays_missing():
    scan = converter(Sector(40e-3, 0.02))
    frame = np.ones(SHAPE, np.float32)
    frame[90:110, 18:23] = np.nan
    image = scan.convert(frame)
    hole_depth, hole_lateral = np.abs(scan.depths_m - scan.geometry.depths_m(200)[100]).argmin(), None
    hole_lateral = np.abs(scan.laterals_m).argmin()
    assert np.isnan(image[hole_depth, hole_lateral])
    assert np.nanmin(image) == np.nanmax(image) == 1


def test_wrong_use_is_one_line():
    with pytest.raises(ParameterError, match="needs no scan conversion"):
        converter(None)
    with pytest.raises(ParameterError, match="spacing_m must be positive"):
        converter(Sector(0.0, 0.01), spacing_m=0.0)
    with pytest.raises(ParameterError, match=r"expected a map of shape \(200, 41\)"):
        converter(Sector(0.0, 0.01)).convert(np.zeros((3, 3), np.float32))
    for wrong in ({"apex_radius_m": -1.0, "angle_step_rad": 0.01}, {"apex_radius_m": 0.0, "angle_step_rad": 0.0}):
        with pytest.raises(ParameterError):
            Sector(**wrong)
