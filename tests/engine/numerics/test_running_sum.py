import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter

from engine.numerics.running_sum import box_mean, running_sum


@pytest.mark.parametrize("length", [1, 3, 7, 21, 201])
def test_it_is_the_sum_of_the_neighbours_that_exist(length: int) -> None:
    values = np.random.default_rng(0).standard_normal((3, 30, 4))
    found = running_sum(torch.from_numpy(values), length, 1).numpy()
    half = length // 2
    wanted = [values[:, max(row - half, 0) : row + half + 1].sum(axis=1) for row in range(30)]
    np.testing.assert_allclose(found, np.stack(wanted, axis=1), atol=1e-12)


def test_means_shrink_at_the_edges() -> None:
    values = np.random.default_rng(1).standard_normal((2, 2, 40, 30))
    found = box_mean(torch.from_numpy(values), 9, 5).numpy()
    np.testing.assert_allclose(found[..., 10:-10, 5:-5], uniform_filter(values, (1, 1, 9, 5))[..., 10:-10, 5:-5])
    np.testing.assert_allclose(found[..., 0, 0], values[..., :5, :3].mean(axis=(-2, -1)))
    np.testing.assert_allclose(box_mean(torch.ones(1, 7, 3), 201, 21), 1.0)


@pytest.mark.parametrize("shape", [(2, 1, 1500, 150), (40, 100, 70)])
def test_large_maps_have_the_same_means(shape: tuple[int, ...]) -> None:
    """A CPU takes them in parts."""
    values = np.random.default_rng(2).standard_normal(shape)
    for rows, lines in ((3, 3), (105, 5), (801, 27)):
        size = (*[1] * (len(shape) - 2), rows, lines)
        total, share = (uniform_filter(entry, size, mode="constant") for entry in (values, np.ones(shape)))
        np.testing.assert_allclose(box_mean(torch.from_numpy(values), rows, lines), total / share, atol=1e-12)
