"""Filling and making gaps in maps."""

import numpy as np
import torch

from engine.numerics.gaps import fill_gaps, filled, filled_on_device, without_far_outside


def test_gaps_take_the_nearest_value_and_nothing_else_changes() -> None:
    field = np.array([[1.0, 2.0, np.nan], [np.nan, 4.0, np.nan]], np.float32)
    found = fill_gaps(field)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [[1, 2, 2], [found[1, 0], 4, 4]])
    assert found[1, 0] in {1.0, 4.0}
    assert np.isnan(field).sum() == 3


def test_gaps_may_be_named_and_a_map_of_gaps_is_zero() -> None:
    field = np.array([[1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(fill_gaps(field, np.array([[False, True, True]])), [[1, 1, 1]])
    assert fill_gaps(field) is field
    np.testing.assert_array_equal(fill_gaps(np.full((2, 2), np.nan)), np.zeros((2, 2)))


def test_motion_more_than_a_sample_or_a_line_out_of_the_frame_is_blank() -> None:
    motion = np.zeros((2, 6, 4))
    motion[1, 0, 0], motion[1, 0, 1], motion[0, 3, 3], motion[0, 4, 3] = -1.0, -1.1, 1.0, 1.1
    found = without_far_outside(motion)
    assert np.argwhere(np.isnan(found[0])).tolist() == [[0, 1], [4, 3]]
    np.testing.assert_array_equal(np.isnan(found[0]), np.isnan(found[1]))
    np.testing.assert_array_equal(found[:, 1:3], motion[:, 1:3])


def test_maps_filled_on_their_device_take_a_nearest_pixel_too() -> None:
    """Of several that are equally near it may be another."""
    random = np.random.default_rng(0)
    maps = random.standard_normal((3, 150, 20)).astype(np.float32)
    maps[random.random(maps.shape) < 0.9] = np.nan
    maps[1, 20:130] = np.nan
    maps[2] = np.nan
    found = filled_on_device(torch.from_numpy(maps)).numpy()
    np.testing.assert_array_equal(found[2], 0)
    for one, other in zip(maps[:2], found[:2], strict=True):
        row, line = np.nonzero(np.isfinite(one))
        z, x = np.mgrid[: one.shape[0], : one.shape[1]]
        away = (z[..., None] - row) ** 2 + (x[..., None] - line) ** 2
        nearest = away == away.min(axis=-1, keepdims=True)
        assert ((other[..., None] == one[row, line]) & nearest).any(axis=-1).all()


def test_maps_without_gaps_are_returned_and_others_filled_as_single_ones() -> None:
    maps = torch.randn(2, 2, 9, 5, generator=torch.Generator().manual_seed(0))
    assert filled(maps) is maps
    maps[0, 1, 2:4, 1] = torch.nan
    expected = fill_gaps(maps[0, 1].numpy())
    np.testing.assert_array_equal(filled(maps)[0, 1], expected)
