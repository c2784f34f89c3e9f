"""Filling and making gaps in maps."""

import numpy as np

from engine.numerics.gaps import fill_gaps, without_far_outside


def test_gaps_take_the_nearest_value_and_nothing_else_changes() -> None:
    field = np.array([[1.0, 2.0, np.nan], [np.nan, 4.0, np.nan]], np.float32)
    filled = fill_gaps(field)
    assert filled.dtype == np.float32
    np.testing.assert_array_equal(filled, [[1, 2, 2], [filled[1, 0], 4, 4]])
    assert filled[1, 0] in {1.0, 4.0}
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
