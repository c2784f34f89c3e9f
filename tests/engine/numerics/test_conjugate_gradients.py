import torch

from engine.numerics.conjugate_gradients import conjugate_gradients


def same(x: torch.Tensor) -> torch.Tensor:
    return x


def test_of_nothing_it_is_nothing() -> None:
    solution, iterations = conjugate_gradients(same, same, torch.zeros(3), iterations=10, tolerance=1e-6)
    assert iterations == 0
    assert not solution.any()
    assert torch.equal(conjugate_gradients(same, same, torch.zeros(3), iterations=4)[0], torch.zeros(3))


def test_it_ends_after_as_many_steps_as_there_are_eigenvalues() -> None:
    scale = torch.tensor([1.0, 4.0, 4.0, 9.0], dtype=torch.float64)
    right = torch.ones(4, dtype=torch.float64)
    solution, iterations = conjugate_gradients(lambda x: scale * x, same, right, iterations=10, tolerance=1e-12)
    torch.testing.assert_close(solution, 1 / scale)
    assert iterations == 3


def test_separate_maps_do_not_mix() -> None:
    scale = torch.rand(2, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 1
    right = torch.ones(2, 4, 5, dtype=torch.float64)
    right[1] *= 1e6
    start = torch.zeros_like(right)
    both, _ = conjugate_gradients(lambda x: scale * x, same, right, iterations=8, start=start, axes=2)
    alone, _ = conjugate_gradients(lambda x: scale[:1] * x, same, right[:1], iterations=8, axes=2)
    torch.testing.assert_close(both[:1], alone)
    torch.testing.assert_close(both, right / scale, rtol=1e-3, atol=0)


def test_what_has_no_curvature_stays_and_does_no_harm_to_the_others() -> None:
    """A direction without any is not finite here, as where a preconditioner divides by next to nothing."""
    scale = torch.tensor([[1.0, 2.0], [0.0, 0.0]])
    found, _ = conjugate_gradients(
        lambda x: scale * x, lambda x: x / scale, torch.ones(2, 2), iterations=5, tolerance=1e-6, axes=1
    )
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.5], [0.0, 0.0]]))


def test_the_solution_does_not_hang_on_when_the_tolerance_is_met() -> None:
    """Swept over the right side it moves in small steps only, though iterations come and go."""
    scale = torch.logspace(0, 2, 40, dtype=torch.float64)
    tilt = torch.linspace(-1, 1, 4001, dtype=torch.float64)[:, None]
    right = 1 + tilt * torch.linspace(-1, 1, 40, dtype=torch.float64)
    found, used = conjugate_gradients(lambda x: scale * x, same, right, iterations=40, tolerance=0.1, axes=1)
    assert used.max() - used.min() > 2
    assert (found.diff(dim=0) / found.abs().amax(dim=1, keepdim=True)[1:]).abs().max() < 3e-3
