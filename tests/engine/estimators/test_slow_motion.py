import numpy as np
import torch

from engine.estimators.global_cost.slow_motion import slow_part

ROWS, LINES = torch.meshgrid(torch.linspace(-1, 1, 60).double(), torch.linspace(-1, 1, 40).double(), indexing="ij")
BENT = torch.stack([0.3 * ROWS * LINES, 0.2 * LINES**2 * ROWS - 0.1 * ROWS**4])


def rough(seed: int) -> torch.Tensor:
    """Errors as of displacement: their slope is white along the line."""
    noise = np.random.default_rng(seed).standard_normal((2, 60, 40)).cumsum(axis=1)
    return torch.as_tensor(0.003 * (noise - noise.mean(axis=(1, 2), keepdims=True)))


def test_a_slow_motion_stands_out_of_the_noise() -> None:
    assert float((slow_part(BENT + rough(1)) - BENT).square().mean().sqrt()) < 0.3 * float(rough(1).std())


def test_noise_alone_has_little_of_it() -> None:
    for seed in range(5):
        assert float(slow_part(rough(seed)).std()) < 0.5 * float(rough(seed).std())


def test_small_fields_have_polynomials_of_fewer_degrees() -> None:
    for shape in ((2, 1, 1), (2, 3, 1), (2, 2, 40)):
        assert torch.allclose(slow_part(torch.ones(shape)), torch.ones(shape))
