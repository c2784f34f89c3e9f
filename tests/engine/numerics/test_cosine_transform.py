import numpy as np
import pytest
import torch
from scipy import fft

from engine.numerics.cosine_transform import cosine_transform, difference_symbol, inverse_cosine_transform


@pytest.mark.parametrize("shape", [(8, 6), (9, 7), (1025, 6), (5, 1026), (1, 1)])
def test_it_is_the_orthonormal_dct_and_comes_back(shape: tuple[int, int]) -> None:
    field = torch.randn(2, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    transformed = cosine_transform(field)
    np.testing.assert_allclose(transformed, fft.dctn(field.numpy(), axes=(1, 2), norm="ortho"), atol=1e-11)
    torch.testing.assert_close(inverse_cosine_transform(transformed), field)


def test_the_symbol_is_what_differences_with_mirrored_borders_do() -> None:
    line = torch.randn(1, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    step = torch.diff(line)
    squared = torch.zeros_like(line)
    squared[:, :-1] -= step
    squared[:, 1:] += step
    wanted = difference_symbol(12, line) * cosine_transform(line)
    torch.testing.assert_close(cosine_transform(squared), wanted)
