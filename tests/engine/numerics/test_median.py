import numpy as np
import pytest
import torch
from scipy import ndimage

from engine.numerics.median import median_filter


@pytest.mark.parametrize("shape", [(2, 40, 30), (3, 2, 7, 5), (1, 1, 1), (1, 2, 9)])
def test_it_is_the_median_of_the_window_with_replicated_edges(shape: tuple[int, ...]) -> None:
    field = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    wanted = ndimage.median_filter(field, (1,) * (len(shape) - 2) + (5, 5), mode="nearest")
    np.testing.assert_array_equal(median_filter(torch.from_numpy(field)), wanted)


def test_equal_values_do_not_matter() -> None:
    field = np.random.default_rng(1).integers(0, 3, (2, 50, 40)).astype(np.float32)
    np.testing.assert_array_equal(
        median_filter(torch.from_numpy(field)), ndimage.median_filter(field, (1, 5, 5), mode="nearest")
    )
