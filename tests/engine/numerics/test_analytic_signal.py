import numpy as np
import pytest
import torch
from scipy.signal import hilbert

from engine.numerics.analytic_signal import analytic_signal, one_sided_gain


@pytest.mark.parametrize("height", [64, 65])
@pytest.mark.parametrize("keep_mean", [False, True])
def test_it_is_the_hilbert_pair_of_rf(height: int, keep_mean: bool) -> None:
    rf = np.random.default_rng(height).standard_normal((height, 3)) + 0.5
    wanted = hilbert(rf if keep_mean else rf - rf.mean(axis=0), axis=0)
    np.testing.assert_allclose(analytic_signal(torch.from_numpy(rf), keep_mean=keep_mean), wanted, atol=1e-6)


def test_the_gains_of_a_frequency_and_its_mirror_are_two_together() -> None:
    for length in (7, 8):
        gain = one_sided_gain(length, keep_mean=True)
        assert gain.sum() == length
