import numpy as np
import pytest
import torch

from engine.estimators.global_cost.momentum import Edges, MomentumPrior
from engine.estimators.global_cost.prior import FirstOrderPrior, Prior, SecondOrderPrior
from engine.estimators.global_cost.solver import Matching
from engine.estimators.global_cost.system import (
    DataTerm,
    KnotGrid,
    System,
    added,
)

UNITS = torch.tensor([0.03, 0.002], dtype=torch.float64)[:, None, None]
PRIORS: dict[str, Prior] = {
    "first order": FirstOrderPrior((5.0, 1.0), (5.0, 1.0)),
    "second order": SecondOrderPrior(0.3, UNITS, 0.1, 0.5, (0.15, 0.3)),
    "second order, L1": SecondOrderPrior(0.3, UNITS, 0.1, 1.0, (0.15, 0.3)),
    "second order, L2": SecondOrderPrior(0.3, UNITS, 0.1, 2.0, (0.15, 0.3)),
    "momentum": MomentumPrior(SecondOrderPrior(0.3, UNITS, 0.1, 0.3, (0.15, 0.3)), Edges(0.6, 0.5, 0.2)),
}


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def terms(name, field):
    return PRIORS[name].terms(PRIORS[name].sizes(field))


def applied(term, field):
    return added((term,), torch.zeros_like(field), field)


def energy(name, field):
    return float(PRIORS[name].energy(PRIORS[name].sizes(field)))


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
    system = System(random_data(grid, 5), terms(name, random(*shape)))
    matrix = dense(system.operator(), shape)
    torch.testing.assert_close(matrix, matrix.T, atol=1e-12, rtol=1e-12)
    assert torch.linalg.eigvalsh(matrix).min() > -1e-10 * matrix.abs().max()


def test_priors_are_blind_to_what_they_must_not_shrink():
    ones = torch.ones(2, 9, 7, dtype=torch.float64)
    for term in terms("first order", ones):
        assert applied(term, ones).abs().max() < 1e-12
    rows = torch.arange(9.0, dtype=torch.float64)[:, None].expand(9, 7)
    columns = torch.arange(7.0, dtype=torch.float64)[None].expand(9, 7)
    affine = torch.stack([0.2 * columns - 0.1 * rows, 0.5 * rows + 0.3 * columns])
    for term in terms("second order, L1", random(2, 9, 7)):
        assert applied(term, affine).abs().max() < 1e-9 * float(term.weight.max())


@pytest.mark.parametrize("name", PRIORS)
def test_terms_give_the_gradient_of_the_energy(name):
    field, direction = random(2, 8, 6), random(2, 8, 6, seed=1)
    analytic = 2 * sum(float(torch.sum(direction * applied(term, field))) for term in terms(name, field))
    h = 1e-6
    numeric = (energy(name, field + h * direction) - energy(name, field - h * direction)) / (2 * h)
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
    numeric = float(energies[0] - energies[1]) / (2 * h)
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
    system = System(random_data(grid, 6), terms(name, random(*shape)))
    right = random(*shape, seed=2)
    solution, _ = system.solve(right, tolerance=1e-10, iterations=2000)
    expected = torch.linalg.solve(dense(system.operator(), shape), right.reshape(-1)).reshape(shape)
    torch.testing.assert_close(solution, expected, rtol=1e-6, atol=1e-6)


def test_cosine_preconditioner_solves_a_uniform_problem_at_once():
    uniform = torch.ones(3, 32, 24, dtype=torch.float64)
    uniform[1] = 0
    system = System(DataTerm(uniform, None), terms("first order", uniform[:2]))
    _, iterations = system.solve(random(2, 32, 24), tolerance=1e-8, iterations=50)
    assert iterations <= 2


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("width", [1, 2, 7])
def test_the_operator_is_the_sum_of_its_terms(name, width):
    grid = KnotGrid(20, 3)
    field, (lateral, axial) = random(2, grid.knots, width), random(2, 20, width)
    data = DataTerm(*grid.blocks(torch.stack([lateral * lateral, lateral * axial, axial * axial])))
    along = (torch.stack([lateral, axial]) * grid.expand(field)).sum(dim=0)
    expected = grid.gather(torch.stack([lateral, axial]) * along)
    for term in terms(name, random(2, grid.knots, width, seed=1)):
        expected = expected + applied(term, field)
    found = System(data, terms(name, random(2, grid.knots, width, seed=1))).operator()(field)
    torch.testing.assert_close(found, expected)


def test_fields_solved_together_have_the_answers_that_they_have_alone():
    """One of the two is much harder; the other stays when it has ended."""
    grid = KnotGrid(24, 3)
    data, fields = random_data(grid, 8), random(2, 2, grid.knots, 8, seed=1)
    both = DataTerm(
        torch.stack([data.diagonal, 1e3 * data.diagonal]), torch.stack([data.neighbour, 1e3 * data.neighbour])
    )
    right = random(2, 2, grid.knots, 8, seed=2)
    solution, used = System(both, terms("second order", fields)).solve(right, tolerance=1e-6, iterations=200)
    for place, one in enumerate((data, DataTerm(1e3 * data.diagonal, 1e3 * data.neighbour))):
        system = System(one, terms("second order", fields[place]))
        alone, count = system.solve(right[place], tolerance=1e-6, iterations=200)
        torch.testing.assert_close(solution[place], alone, atol=1e-5, rtol=1e-5)
        assert abs(used[place] - count) <= 2  # products of two at a time are rounded otherwise
    assert used[0] < used[1]


@pytest.mark.parametrize("name", ["second order", "momentum"])
def test_a_strong_prior_of_a_smooth_field_survives_single_precision(name):
    """Multiplied out, its couplings cancel to noise there, and steps hung on rounding and the number of threads."""
    rows, lines = torch.linspace(0, 1, 201, dtype=torch.float64)[:, None], torch.linspace(0, 1, 48, dtype=torch.float64)
    field = torch.stack([3 + lines * rows**2, 20 - 5 * rows**2 + lines**2])
    system = System(DataTerm(torch.zeros(3, 201, 48, dtype=torch.float64), None), terms(name, 1e-4 * field))
    single = System(system.data.single(), tuple(term.single() for term in system.prior))
    energies = [
        float((values * entry.operator()(values)).sum().double())
        for entry, values in ((system, field), (single, field.float()))
    ]
    assert energies[0] > 0
    assert energies[1] == pytest.approx(energies[0], rel=1e-2)
