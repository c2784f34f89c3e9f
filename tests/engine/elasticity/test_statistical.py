import numpy as np
import pytest
import torch

from engine.elasticity.base import ELASTICITY_METHODS, modulus_ratio
from engine.elasticity.common.denoiser import DenoiserConfig, ModulusDenoiser
from engine.elasticity.common.equilibrium import EquilibriumModel
from engine.elasticity.red import REDParameters, red_step, regularised
from engine.elasticity.statistical import StatisticalParameters, maximum_likelihood
from engine.errors import ParameterError
from engine.evaluation.papers.elasticity_experiment import make_case, reconstruct, score, train_denoiser, training_pairs
from engine.pipeline import Settings, run
from engine.simulation.phantom import Inclusion, Phantom
from engine.simulation.recording import Plan, simulate
from engine.simulation.sequences import Degradation, FrameLoad
from engine.types import Ellipse, Geometry

NODES = 12


@pytest.fixture(scope="module")
def problem() -> EquilibriumModel:
    case = make_case(seed=3, nodes=NODES)
    model = EquilibriumModel(case.observation)
    model.refresh(np.full(NODES**2, 0.2))
    return model


def cost(problem: EquilibriumModel, modulus: np.ndarray) -> float:
    residual = problem.force - problem.operator @ modulus
    return float(residual @ problem.whitened(residual)) / 2


def test_gradient_agrees_with_finite_differences(problem):
    random = np.random.default_rng(0)
    modulus, direction = random.uniform(0.1, 0.8, NODES**2), random.normal(size=NODES**2)
    step = 1e-4
    numeric = (cost(problem, modulus + step * direction) - cost(problem, modulus - step * direction)) / (2 * step)
    assert problem.gradient(modulus) @ direction == pytest.approx(numeric, rel=1e-6)


def test_a_step_balances_data_and_denoised_map(problem):
    denoised = np.random.default_rng(1).uniform(0.1, 0.8, NODES**2)
    weight = problem.lipschitz / 5
    moved = red_step(problem, denoised, denoised, weight, smallest=-np.inf)
    gradient, pull = problem.gradient(moved), weight * (moved - denoised)
    assert np.linalg.norm(gradient + pull) < 1e-2 * np.linalg.norm(pull)


def test_zero_denoiser_is_ridge_regression(problem):
    operator = problem.operator.toarray()
    curvature = operator.T @ np.column_stack([problem.whitened(column) for column in operator.T])
    weight = problem.lipschitz / 5
    ridge = np.linalg.solve(curvature + weight * np.eye(NODES**2), operator.T @ problem.whitened(problem.force))
    modulus = np.full(NODES**2, 0.2)
    modulus = red_step(problem, modulus, np.zeros(NODES**2), weight, smallest=-np.inf)
    np.testing.assert_allclose(modulus, ridge, atol=2e-3 * np.abs(ridge).max())


def test_without_noise_maximum_likelihood_finds_the_modulus():
    case = make_case(seed=5, nodes=NODES, noise_db=80)
    modulus, misfits, _ = maximum_likelihood(case.observation, StatisticalParameters(renewals=4, steps=1000))
    assert score(case, case.observation.model.to_map(modulus)).relative_error < 0.03
    assert misfits[-1] < misfits[0]


def test_a_perfect_prior_helps_at_35_db():
    case = make_case(seed=5, nodes=NODES)
    without = score(case, reconstruct(case, "statistical"))
    modulus = regularised(case.observation, lambda modulus: case.modulus, REDParameters()).values
    assert score(case, case.observation.model.to_map(modulus)).relative_error < 0.5 * without.relative_error


def test_axial_data_alone_are_refused():
    observation = make_case(seed=3, nodes=NODES).observation
    observation.sigma_m[observation.model.lateral_dofs] = np.inf
    with pytest.raises(ParameterError, match="both displacement components"):
        EquilibriumModel(observation)


def test_denoiser_is_positively_homogeneous_and_takes_any_size():
    torch.manual_seed(0)
    network = ModulusDenoiser(DenoiserConfig((4, 8, 8)))
    noisy = torch.rand(1, 1, 13, 10)
    assert network(noisy).shape == noisy.shape
    torch.testing.assert_close(network(3 * noisy), 3 * network(noisy), rtol=1e-5, atol=1e-6)


def test_training_lowers_the_error_and_never_touches_the_test_seeds():
    noisy, clean = training_pairs(6, nodes=NODES)
    before = torch.nn.functional.mse_loss(noisy, clean)
    network = train_denoiser(noisy, clean, epochs=15)
    assert torch.nn.functional.mse_loss(network(noisy), clean) < before
    with pytest.raises(ValueError, match="test seeds"):
        training_pairs(2, first_seed=999_999)


@pytest.mark.slow
def test_on_tracked_rf_the_prior_changes_the_map_and_brings_it_nearer_to_the_truth():
    """A disc three times as stiff, 4 % strain, displacement by GLUE: the error in factors at least halves."""
    geometry = Geometry(40e6, 5e6, 1540.0, 0.25e-3, start_depth_m=5e-3)
    phantom = Phantom(40e-3, 40e-3, (25e3,), (Inclusion(Ellipse(0.0, 20e-3, 5e-3, 5e-3), 75e3),))
    plan = Plan(phantom, geometry, (1560, 128), (FrameLoad(0.04),), degradation=Degradation(snr_db=30.0))
    (estimate,) = run(simulate(plan, 5).sequence(), Settings("glue"), torch.device("cpu"))
    ratios = {}
    for name in ("statistical", "red"):
        method = ELASTICITY_METHODS.get(name)
        found = method.reconstruct(estimate, Ellipse(11e-3, 20e-3, 2.5e-3, 2.5e-3), method.Params())
        ratios[name] = modulus_ratio(found, Ellipse(0.0, 20e-3, 3.5e-3, 3.5e-3)).value
    assert abs(np.log(ratios["red"] / 3)) < 0.5 * abs(np.log(ratios["statistical"] / 3))


def test_by_the_printed_rule_the_prior_weighs_the_norm_of_the_gradient(monkeypatch):
    """Equation 12 at every step, at the covariance of the map so far."""
    observation = make_case(3, nodes=10).observation
    weights = []

    def noted(problem, modulus, denoised, weight, smallest):
        weights.append((weight, float(np.linalg.norm(problem.gradient(modulus)))))
        return modulus * 1.01

    monkeypatch.setattr("engine.elasticity.red.red_step", noted)
    params = REDParameters(weight_rule="printed", red_steps=3, steps=5, renewals=1)
    regularised(observation, lambda modulus: modulus, params)
    assert weights
    assert all(weight == pytest.approx(norm) for weight, norm in weights)
