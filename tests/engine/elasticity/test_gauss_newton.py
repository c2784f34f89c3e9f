import itertools

import numpy as np
import pytest

from engine.elasticity.common.forward_model import ElasticModel
from engine.elasticity.common.observation import Observation
from engine.elasticity.gauss_newton import GaussNewtonParameters, _Problem, invert
from engine.errors import CancelledError

NODES = 20


def disc(noise_db: float, *, axial_only: bool = False) -> tuple[np.ndarray, Observation]:
    """A disc three times as stiff as its surroundings under 1 % compression, with white noise on the displacement."""
    spacing = 20e-3 / (NODES - 1)
    model = ElasticModel(NODES, NODES, spacing, spacing)
    z, x = np.meshgrid(np.arange(NODES) * spacing, np.arange(NODES) * spacing, indexing="ij")
    modulus = np.where((z - 10e-3) ** 2 + (x - 10e-3) ** 2 < 5e-3**2, 3.0, 1.0)
    top, bottom = model.border("top"), model.border("bottom")
    pin = model.lateral_dofs[model.node_order[-1, NODES // 2]]
    fixed = np.concatenate([model.axial_dofs[top], model.axial_dofs[bottom], [pin]])
    values = np.concatenate([np.full(NODES, 0.01 * 20e-3), np.zeros(NODES), [0.0]])
    displacement = model.solve(model.to_nodes(modulus), fixed, values)
    sigma = np.empty_like(displacement)
    for dofs in (model.axial_dofs, model.lateral_dofs):
        sigma[dofs] = np.sqrt((displacement[dofs] ** 2).mean()) * 10 ** (-noise_db / 20)
    measured = displacement + sigma * np.random.default_rng(0).normal(size=displacement.size)
    measured[fixed] = values
    if axial_only:
        sigma[model.lateral_dofs] = np.inf
    return modulus, Observation(model, measured, sigma, fixed, np.zeros_like(measured))


def recovered_ratio(modulus: np.ndarray, observation: Observation) -> float:
    nodal = invert(observation, GaussNewtonParameters(tv_weight=2.0, iterations=25)).values
    image = observation.model.to_map(nodal)
    return float(np.median(image[modulus == 3]) / np.median(image[modulus == 1]))


def test_ratio_of_a_stiff_disc_at_40_db():
    assert recovered_ratio(*disc(40)) == pytest.approx(3.0, abs=0.1)


def test_axial_displacement_alone_still_shows_the_contrast():
    # Total variation lowers contrast, never raises it; without lateral data at 35 dB it costs up to a fifth.
    assert 2.4 < recovered_ratio(*disc(35, axial_only=True)) < 3.1


def test_jacobian_and_adjoint_agree_with_finite_differences():
    _, observation = disc(40)
    problem = _Problem(observation)
    random = np.random.default_rng(2)
    log_modulus = 0.3 * random.normal(size=NODES**2)
    direction = random.normal(size=NODES**2)
    step = 1e-5
    ahead = problem.linearise(log_modulus + step * direction)
    behind = problem.linearise(log_modulus - step * direction)
    residual = problem.linearise(log_modulus)
    forward = problem.forward(direction)
    numeric = (ahead - behind) / (2 * step)
    assert np.linalg.norm(forward - numeric) < 1e-6 * np.linalg.norm(numeric)
    assert problem.adjoint(residual) @ direction == pytest.approx(residual @ forward, rel=1e-9)


def test_steps_that_the_time_limit_cuts_say_so(monkeypatch):
    _, observation = disc(40)
    assert not invert(observation, GaussNewtonParameters(tv_weight=2.0)).cut_short
    clock = itertools.count(step=20.0)
    monkeypatch.setattr("engine.elasticity.gauss_newton.time.monotonic", lambda: next(clock))
    found = invert(observation, GaussNewtonParameters(tv_weight=2.0))
    assert found.cut_short.startswith("The limit of 30 s ended the reconstruction after 2 of at most 12 steps")
    assert len(found.misfits) == 3


def test_misfit_falls_to_the_noise_and_cancel_is_obeyed():
    _, observation = disc(40)
    seen: list[float] = []
    invert(
        observation,
        GaussNewtonParameters(tv_weight=2.0, iterations=25),
        progress=lambda iteration, misfit: seen.append(misfit),
    )
    assert seen[-1] < 1.2 < seen[0]
    with pytest.raises(CancelledError):
        invert(observation, GaussNewtonParameters(), cancelled=lambda: True)
