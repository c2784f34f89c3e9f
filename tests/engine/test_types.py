"""Axes, units and checks of the values that flow through the chain."""

import numpy as np
import pytest

from engine.errors import ParameterError, ReadError, StrainscopeError
from engine.types import Displacement, Ellipse, FramePair, Geometry, RFSequence, geometry_fields

BASE = {"sampling_hz": 40e6, "center_hz": 5e6, "sound_speed_m_s": 1540.0, "pitch_m": 0.3e-3}


def test_depth_and_lateral_positions() -> None:
    geometry = Geometry(**BASE, start_depth_m=1e-3)
    assert geometry.axial_spacing_m == pytest.approx(19.25e-6)
    assert geometry.wavelength_m == pytest.approx(0.308e-3)
    np.testing.assert_allclose(geometry.depths_m(3), [1e-3, 1.01925e-3, 1.0385e-3])
    np.testing.assert_allclose(geometry.laterals_m(3), [-0.3e-3, 0, 0.3e-3])
    np.testing.assert_allclose(geometry.laterals_m(2), [-0.15e-3, 0.15e-3])


@pytest.mark.parametrize(("window_m", "samples"), [(2e-3, 103), (1e-3, 51), (3e-3, 155), (1e-6, 5)])
def test_windows_are_odd_and_at_least_five(window_m, samples) -> None:
    assert Geometry(**BASE).window_samples(window_m) == samples


@pytest.mark.parametrize("name", ["sampling_hz", "center_hz", "sound_speed_m_s", "pitch_m"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_geometry_is_refused(name, value) -> None:
    with pytest.raises(ParameterError, match=name):
        Geometry(**{**BASE, name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sampling_hz", 40.0),
        ("center_hz", 5.0),
        ("sound_speed_m_s", 1.54),
        ("sound_speed_m_s", 1.54e6),
        ("pitch_m", 0.3),
        ("pitch_m", 3e-7),
        ("start_depth_m", 3.0),
        ("frame_rate_hz", 2e7),
    ],
)
def test_geometry_in_a_wrong_unit_is_refused_before_it_asks_for_all_memory(name, value) -> None:
    with pytest.raises(ParameterError, match=f"{name} = .* another unit"):
        Geometry(**{**BASE, name: value})


def test_a_carrier_above_nyquist_is_refused() -> None:
    with pytest.raises(ParameterError, match="not sampled RF"):
        Geometry(**{**BASE, "center_hz": 20e6})


def test_every_geometry_value_has_a_source() -> None:
    assert set(geometry_fields()) == {*BASE, "start_depth_m", "frame_rate_hz"}


def test_samples_and_metres_agree() -> None:
    geometry = Geometry(**BASE)
    axial, lateral = np.full((4, 3), -2.5, np.float32), np.full((4, 3), 0.5, np.float32)
    displacement = Displacement.from_samples(axial, lateral, geometry)
    assert displacement.axial_m[0, 0] == pytest.approx(-2.5 * 19.25e-6)
    assert displacement.lateral_m[0, 0] == pytest.approx(0.15e-3)
    np.testing.assert_allclose(displacement.axial_samples, axial, rtol=1e-6)
    np.testing.assert_allclose(displacement.lateral_lines, lateral, rtol=1e-6)


def test_maps_of_different_shapes_do_not_make_a_pair() -> None:
    with pytest.raises(ValueError, match="share one"):
        FramePair(np.zeros((4, 3), np.float32), np.zeros((3, 4), np.float32), Geometry(**BASE))


def sequence(rf: np.ndarray) -> RFSequence:
    return RFSequence.from_array(rf, Geometry(**BASE))


def test_frames_are_float32_whatever_was_stored() -> None:
    frame = sequence(np.arange(24, dtype=np.int16).reshape(2, 4, 3)).frame(1)
    assert frame.dtype == np.float32
    np.testing.assert_array_equal(frame, np.arange(12, 24).reshape(4, 3))


@pytest.mark.parametrize("index", [-1, 2])
def test_a_frame_that_does_not_exist_is_said(index) -> None:
    with pytest.raises(StrainscopeError, match=f"frame {index} does not exist, there are 2"):
        sequence(np.zeros((2, 4, 3), np.float32)).frame(index)


def test_a_frame_with_nan_is_said() -> None:
    rf = np.zeros((1, 4, 3), np.float32)
    rf[0, 1, 2] = np.nan
    with pytest.raises(ReadError, match="frame 0 holds 1 values that are not finite"):
        sequence(rf).frame(0)


def test_a_frame_of_another_shape_is_said() -> None:
    broken = RFSequence((1, 4, 3), Geometry(**BASE), lambda index: np.zeros((3, 4), np.float32))
    with pytest.raises(ReadError, match="expected"):
        broken.frame(0)


def test_an_ellipse_covers_its_area_and_turns_clockwise_on_screen() -> None:
    geometry = Geometry(**BASE)
    ellipse = Ellipse(lateral_m=1e-3, depth_m=10e-3, semi_lateral_m=4e-3, semi_axial_m=2e-3, angle_deg=30)
    mask = ellipse.mask((1040, 60), geometry)
    covered = mask.sum() * geometry.axial_spacing_m * geometry.pitch_m
    assert covered == pytest.approx(ellipse.area_m2, rel=0.01)
    rows, lines = np.nonzero(mask)
    z, x = geometry.depths_m(1040)[rows], geometry.laterals_m(60)[lines]
    assert (x.mean(), z.mean()) == (pytest.approx(1e-3, abs=2e-5), pytest.approx(10e-3, abs=2e-5))
    assert np.corrcoef(x, z)[0, 1] > 0.3


@pytest.mark.parametrize("angle_deg", [0.0, 90.0, 180.0, 270.0, -450.0])
@pytest.mark.parametrize("start_depth_m", [0.0, 12.3e-3, 0.1])
def test_a_pixel_on_the_rim_is_inside_whatever_rounding_says(angle_deg: float, start_depth_m: float) -> None:
    """Semi-axes of three lines and forty rows, or turned by a quarter: eight pixels on two axes, four on the rim."""
    geometry = Geometry(**{**BASE, "start_depth_m": start_depth_m})
    row, line, reach = 203, 17, (40 * geometry.axial_spacing_m, 3 * geometry.pitch_m)
    across, along = reach if angle_deg in {90.0, 270.0, -450.0} else reach[::-1]
    centre = geometry.laterals_m(41)[line], geometry.depths_m(400)[row]
    mask = Ellipse(*centre, across, along, angle_deg).mask((400, 41), geometry)
    for rows, lines in ((40, 0), (-40, 0), (0, 3), (0, -3)):
        assert mask[row + rows, line + lines]
        assert not mask[row + rows + np.sign(rows), line + lines + np.sign(lines)]


@pytest.mark.parametrize(
    "change",
    [
        {"semi_axial_m": 0.0},
        {"semi_lateral_m": -1.0},
        {"depth_m": float("nan")},
        {"lateral_m": -1e308},
        {"semi_axial_m": 1e200},
        {"semi_lateral_m": 1e-200},
    ],
)
def test_impossible_ellipses_are_refused(change) -> None:
    values = {"lateral_m": 0.0, "depth_m": 0.01, "semi_lateral_m": 1e-3, "semi_axial_m": 1e-3}
    with pytest.raises(ParameterError):
        Ellipse(**{**values, **change})
