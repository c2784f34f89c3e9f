"""Strain along a line: exact on a plane, NaN outside and beside NaN, right half-pixel edges, right in a sector."""

from dataclasses import replace

import numpy as np
import pytest

from engine.errors import ParameterError
from engine.metrics.profile import ProfileLine, bilinear, profile
from engine.preprocess.scan_conversion import ScanConverter
from engine.types import Geometry, Map, Sector

GEOMETRY = Geometry(sampling_hz=40e6, center_hz=7e6, sound_speed_m_s=1540.0, pitch_m=0.3e-3, start_depth_m=2e-3)
SHAPE = (400, 40)


def plane() -> Map:
    """A map that rises by 0.01 a millimetre laterally and by 0.002 a millimetre of depth."""
    lateral, depth = GEOMETRY.laterals_m(SHAPE[1])[None, :], GEOMETRY.depths_m(SHAPE[0])[:, None]
    return np.asarray(10 * lateral + 2 * depth, dtype=np.float32)


def test_a_plane_comes_back_exactly() -> None:
    line = ProfileLine(-4e-3, 3e-3, 5e-3, 8e-3)
    distance = line.distances_m(GEOMETRY)
    lateral, depth = line.at(distance)
    assert profile(plane(), GEOMETRY, line) == pytest.approx(10 * lateral + 2 * depth, abs=1e-6)
    assert distance[0] == 0
    assert distance[-1] == line.length_m == pytest.approx(np.hypot(9e-3, 5e-3))
    assert np.diff(distance).max() <= GEOMETRY.axial_spacing_m * (1 + 1e-9)


def test_backwards_is_the_mirror_image() -> None:
    forth = profile(plane(), GEOMETRY, ProfileLine(-4e-3, 3e-3, 5e-3, 8e-3))
    back = profile(plane(), GEOMETRY, ProfileLine(5e-3, 8e-3, -4e-3, 3e-3))
    assert back[::-1] == pytest.approx(forth)


def test_outside_the_image_there_is_nothing() -> None:
    edge = float(GEOMETRY.laterals_m(SHAPE[1])[-1]) + GEOMETRY.pitch_m / 2
    line = ProfileLine(0.0, 5e-3, 2 * edge, 5e-3)
    lateral, _ = line.at(line.distances_m(GEOMETRY))
    values = profile(plane(), GEOMETRY, line)
    assert np.array_equal(np.isnan(values), lateral > edge + 1e-12)
    assert np.isnan(profile(plane(), GEOMETRY, ProfileLine(0.0, 0.0, 1e-3, 1e-3))).all()


def test_nan_spreads_to_its_neighbours_and_no_further() -> None:
    values = np.ones((5, 5), np.float32)
    values[2, 2] = np.nan
    column = np.array([0.5, 1.0, 1.01, 2.0, 2.99, 3.0])
    found = bilinear(values, np.full(6, 2.0), column)
    assert np.array_equal(np.isnan(found), [False, False, True, True, True, False])
    assert np.isnan(bilinear(values, np.array([1.5]), np.array([2.0]))).all()


def test_the_rim_takes_the_outermost_pixel() -> None:
    values = np.arange(6.0).reshape(2, 3)
    places = np.array([-0.5, -0.51, 1.5, 1.51])
    assert np.array_equal(bilinear(values, places, np.zeros(4)), [0.0, np.nan, 3.0, np.nan], equal_nan=True)
    assert bilinear(np.ones((1, 1)), np.zeros(1), np.zeros(1))[0] == 1.0


def test_a_sector_is_sampled_where_its_beams_lie() -> None:
    geometry = replace(GEOMETRY, start_depth_m=0.0, sector=Sector(apex_radius_m=20e-3, angle_step_rad=0.02))
    converter = ScanConverter(geometry, SHAPE, 0.1e-3)
    rows, columns = np.meshgrid(np.arange(400.0), np.arange(40.0), indexing="ij")
    _, depth = converter.to_image(rows, columns)
    line = ProfileLine(-2e-3, 1e-3, 3e-3, 6e-3)
    _, wanted = line.at(line.distances_m(geometry))
    # Between beams 0.02 rad apart the depth of a circle is off its chord by r a^2 / 8 = 1.3 um.
    assert profile(np.asarray(depth, np.float32), geometry, line) == pytest.approx(wanted, abs=2e-6)


def test_a_line_needs_a_length() -> None:
    with pytest.raises(ParameterError, match="at least"):
        ProfileLine(1e-3, 1e-3, 1e-3, 1e-3)
    with pytest.raises(ParameterError):
        ProfileLine(float("nan"), 1e-3, 1e-3, 1e-3)


def test_angle_turns_towards_depth() -> None:
    assert ProfileLine(0, 0, 0, 1e-3).angle_deg == pytest.approx(90)
    assert ProfileLine(0, 0, 1e-3, 0).angle_deg == pytest.approx(0)


def test_a_line_beyond_all_bounds_is_refused() -> None:
    with pytest.raises(ParameterError, match="up to 1000 m away"):
        ProfileLine(0.0, 0.0, 1e200, 0.0)
