import numpy as np
import pytest
import torch

from engine.estimators.global_cost.prior import FirstOrderPrior, SecondOrderPrior
from engine.estimators.global_cost.solver import Matching
from engine.estimators.global_cost.system import (
    DataTerm,
    KnotGrid,
    System,
)

PRIORS = {
    "first order": FirstOrderPrior((5.0, 1.0), (5.0, 1.0)),
    "second order": SecondOrderPrior(0.3, 10.0, 0.1, 0.5, (0.3, 0.02), (0.15, 0.3)),
    "second order, L1": SecondOrderPrior(0.3, 10.0, 0.1, 1.0, (0.3, 0.02), (0.15, 0.3)),
    "second order, L2": SecondOrderPrior(0.3, 10.0, 0.1, 2.0, (0.3, 0.02), (0.15, 0.3)),
}


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_data(grid, width, seed=0):
    lateral, axial = random(2, grid.height, width, seed=seed)
    return DataTerm(*grid.blocks(torch.stack([lateral * lateral, lateral * axial, axial * axial])))


def dense(apply, shape):
    size = int(np.prod(shape))
    return torch.stack([apply(column.reshape(shape)).reshape(-1) for column in torch.eye(size, dtype=torch.float64)])


@pytest.mark.parametrize("step", [1, 3])
@pytest.mark.parametrize("name", PRIORS)
def test_matrix_is_symmetric_and_positive_semi_definite(name, step):
    grid = KnotGrid(12, step)
    shape = (2, grid.knots, 5)
    system = System(random_data(grid, 5), PRIORS[name].terms(random(*shape)))
    matrix = dense(system.apply, shape)
    torch.testing.assert_close(matrix, matrix.T, atol=1e-12, rtol=1e-12)
    assert torch.linalg.eigvalsh(matrix).min() > -1e-10 * matrix.abs().max()


def test_priors_are_blind_to_what_they_must_not_shrink():
    ones = torch.ones(2, 9, 7, dtype=torch.float64)
    for term in PRIORS["first order"].terms(ones):
        assert term.apply(ones).abs().max() < 1e-12
    rows = torch.arange(9.0, dtype=torch.float64)[:, None].expand(9, 7)
    columns = torch.arange(7.0, dtype=torch.float64)[None].expand(9, 7)
    affine = torch.stack([0.2 * columns - 0.1 * rows, 0.5 * rows + 0.3 * columns])
    for term in PRIORS["second order, L1"].terms(random(2, 9, 7)):
        assert term.apply(affine).abs().max() < 1e-9 * float(term.weight.max())


@pytest.mark.parametrize("name", PRIORS)
def test_terms_give_the_gradient_of_the_energy(name):
    prior, field, direction = PRIORS[name], random(2, 8, 6), random(2, 8, 6, seed=1)
    analytic = 2 * sum(float(torch.sum(direction * term.apply(field))) for term in prior.terms(field))
    h = 1e-6
    numeric = (prior.energy(field + h * direction) - prior.energy(field - h * direction)) / (2 * h)
    assert analytic == pytest.approx(numeric, rel=1e-5)


@pytest.mark.parametrize("step", [1, 4])
@pytest.mark.parametrize("threshold", [float("inf"), 0.3])
def test_right_side_is_the_gradient_of_the_data_energy(step, threshold):
    reference, deformed = random(2, 40, 20)
    grid = KnotGrid(40, step)
    matching = Matching(reference, deformed, grid, lambda residual, inside: torch.ones_like(residual), threshold)
    field, direction = 0.3 * random(2, grid.knots, 20), random(2, grid.knots, 20, seed=1)
    # keep every point inside: the mask is not differentiable
    field[:, :, :3] = field[:, :, -3:] = direction[:, :, :3] = direction[:, :, -3:] = 0
    field[:, : 12 // step], field[:, -12 // step :] = 0, 0
    direction[:, : 12 // step], direction[:, -12 // step :] = 0, 0
    samples, residual = matching.sample(field)
    weights = torch.ones_like(residual)
    _, right = matching.normal_equations(samples, residual, weights)
    h = 1e-6
    energies = [matching.energy(matching.sample(field + s * h * direction)[1], weights) for s in (1, -1)]
    numeric = (energies[0] - energies[1]) / (2 * h)
    assert -2 * float(torch.sum(right * direction)) == pytest.approx(numeric, rel=1e-5)


def test_knots_expand_and_gather_are_adjoint_and_affine_motion_survives():
    grid = KnotGrid(21, 4)
    field, rows = random(2, grid.knots, 3), random(2, 21, 3, seed=1)
    assert torch.sum(grid.expand(field) * rows) == pytest.approx(float(torch.sum(field * grid.gather(rows))))
    ramp = (0.1 * torch.arange(21.0, dtype=torch.float64))[None, :, None].expand(2, 21, 3)
    torch.testing.assert_close(grid.expand(grid.restrict(ramp)), ramp)


def test_blocks_are_the_exact_product():
    grid = KnotGrid(10, 3)
    density = random(3, 10, 4).abs()
    diagonal, neighbour = grid.blocks(density)
    field = random(3, grid.knots, 4, seed=1)
    expected = grid.gather(density * grid.expand(field))
    actual = diagonal * field
    actual[:, :-1] += neighbour * field[:, 1:]
    actual[:, 1:] += neighbour * field[:, :-1]
    torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize("name", PRIORS)
def test_solve_agrees_with_a_dense_solver(name):
    grid = KnotGrid(16, 1)
    shape = (2, 16, 6)
    system = System(random_data(grid, 6), PRIORS[name].terms(random(*shape)))
    right = random(*shape, seed=2)
    solution, _ = system.solve(right, tolerance=1e-10, iterations=2000)
    expected = torch.linalg.solve(dense(system.apply, shape), right.reshape(-1)).reshape(shape)
    torch.testing.assert_close(solution, expected, rtol=1e-6, atol=1e-6)


def test_cosine_preconditioner_solves_a_uniform_problem_at_once():
    uniform = torch.ones(3, 32, 24, dtype=torch.float64)
    uniform[1] = 0
    system = System(DataTerm(uniform, None), PRIORS["first order"].terms(uniform[:2]))
    _, iterations = system.solve(random(2, 32, 24), tolerance=1e-8, iterations=50)
    assert iterations <= 2
