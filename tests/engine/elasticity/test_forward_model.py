import numpy as np
import pytest

from engine.elasticity.common.forward_model import ElasticModel
from engine.errors import ParameterError


def test_internal_force_is_linear_in_the_modulus():
    model = ElasticModel(20, 24, 1e-3, 0.9e-3)
    random = np.random.default_rng(0)
    modulus = random.uniform(1, 3, 20 * 24)
    displacement = random.normal(size=2 * 20 * 24)
    stiffness = model.stiffness(modulus)
    operator = model.modulus_operator(displacement)
    assert operator.shape == (2 * 480, 480)
    force = stiffness @ displacement
    assert np.linalg.norm(force - operator @ modulus) < 1e-12 * np.linalg.norm(force)
    assert abs(stiffness - stiffness.T).max() < 1e-12


# Mean stress of 25 kPa tissue at 1 %: E e in plane stress, E e / (1 - nu^2) in plane strain, nu = 0.48.
@pytest.mark.parametrize(
    ("plane", "poisson_ratio", "widening", "stress_pa"),
    [("plane-stress", 0.495, 0.495, 250.0), ("plane-strain", 0.48, 0.48 / 0.52, 250.0 / (1 - 0.48**2))],
)
def test_patch_of_uniform_compression(plane, poisson_ratio, widening, stress_pa):
    model = ElasticModel(21, 21, 1e-3, 1e-3, poisson_ratio, plane)
    z, x = np.meshgrid(np.arange(21) * 1e-3, np.arange(21) * 1e-3, indexing="ij")
    displacement = model.displacement(-0.01 * z, widening * 0.01 * x)
    modulus = np.full(441, 25e3)
    force = model.stiffness(modulus) @ displacement
    inner = model.node_order[1:-1, 1:-1].ravel()
    largest = np.abs(force).max()
    assert np.abs(force[model.axial_dofs[inner]]).max() < 1e-12 * largest
    assert np.abs(force[model.lateral_dofs[inner]]).max() < 1e-12 * largest
    bottom = force[model.axial_dofs[model.node_order[-1]]].sum() / 20e-3
    assert bottom == pytest.approx(-stress_pa, rel=1e-9)


def test_solve_returns_the_patch():
    model = ElasticModel(9, 7, 1e-3, 2e-3)
    z, x = np.meshgrid(np.arange(9) * 1e-3, np.arange(7) * 2e-3, indexing="ij")
    expected = model.displacement(-0.02 * z, 0.495 * 0.02 * x)
    top, bottom = model.border("top"), model.border("bottom")
    fixed = np.concatenate([model.axial_dofs[top], model.axial_dofs[bottom], model.lateral_dofs[top[:1]]])
    solved = model.solve(np.full(63, 10e3), fixed, expected[fixed])
    assert np.abs(solved - expected).max() < 1e-15


def test_noiseless_inverse_with_known_forces_is_exact():
    model = ElasticModel(10, 10, 1e-3, 1e-3)
    modulus = np.random.default_rng(1).uniform(1, 4, 100)
    top, bottom = model.border("top"), model.border("bottom")
    fixed = np.concatenate([model.axial_dofs[top], model.axial_dofs[bottom], model.lateral_dofs[bottom[:1]]])
    values = np.concatenate([np.full(10, 1e-4), np.zeros(10), [0.0]])
    displacement = model.solve(modulus, fixed, values)
    force = model.stiffness(modulus) @ displacement
    solved = np.linalg.lstsq(model.modulus_operator(displacement).toarray(), force, rcond=None)[0]
    assert np.linalg.norm(solved - modulus) < 1e-10 * np.linalg.norm(modulus)


def test_nearly_incompressible_plane_strain_does_not_lock():
    """A beam held at one end bends by the same force as with an eighth of the room for its volume to change."""
    found = []
    for poisson_ratio in (0.4, 0.499):
        model = ElasticModel(5, 21, 1e-3, 1e-3, poisson_ratio, "plane-strain")
        left = model.border("left")
        fixed = np.concatenate([model.axial_dofs[left], model.lateral_dofs[left]])
        force = np.zeros(2 * 105)
        force[model.axial_dofs[model.node_order[2, -1]]] = 1.0
        bent = model.solve(np.ones(105), fixed, np.zeros(fixed.size), force)
        found.append(bent[model.axial_dofs[model.node_order[2, -1]]] / (1 - poisson_ratio**2))
    assert found[1] == pytest.approx(found[0], rel=0.1)


def test_impossible_tissue_and_tiny_meshes_are_refused():
    with pytest.raises(ParameterError, match="Poisson"):
        ElasticModel(5, 5, 1e-3, 1e-3, 0.5, "plane-strain")
    with pytest.raises(ParameterError, match="3 x 3"):
        ElasticModel(2, 5, 1e-3, 1e-3)
