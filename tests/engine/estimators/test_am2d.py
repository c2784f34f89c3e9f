import numpy as np
import pytest
import torch

from engine.estimators.am2d import Am2dParameters, minimise, solve_line
from engine.estimators.base import ESTIMATORS
from engine.simulation.noise import add_gaussian
from engine.simulation.sequences import FrameLoad, Scene, render_scene
from engine.types import FramePair, Geometry

CPU = torch.device("cpu")
GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.2e-3, start_depth_m=5e-3)
INNER = (slice(40, -40), slice(4, -4))


def uniform_pair(strain, snr_db=np.inf, shape=(512, 32)):
    def unit(depths_m, laterals_m):
        depths, laterals = np.meshgrid(depths_m - GEOMETRY.start_depth_m, laterals_m, indexing="ij")
        return torch.as_tensor(np.stack([0.495 * laterals, -depths]))

    generator = torch.Generator().manual_seed(5)
    scene = render_scene(Scene(shape, GEOMETRY, unit, (FrameLoad(strain),)), generator, CPU)
    rf = add_gaussian(scene.rf, snr_db, generator, float(scene.rf[0].std())).numpy()
    rf = rf / np.percentile(np.abs(rf[0]), 99.9)
    truth = scene.displacement_m[0].numpy() / np.array([GEOMETRY.pitch_m, GEOMETRY.axial_spacing_m])[:, None, None]
    return FramePair(rf[0], rf[1], GEOMETRY), truth


def axial_error(displacement, truth):
    return float(np.sqrt(np.mean((displacement.axial_samples - truth[1])[INNER] ** 2)))


@pytest.mark.parametrize(("snr_db", "largest"), [(np.inf, 0.03), (20.0, 0.06)])
def test_uniform_strain_is_found_from_dynamic_programming_alone(snr_db, largest):
    pair, truth = uniform_pair(0.01, snr_db)
    assert axial_error(minimise(pair, Am2dParameters()), truth) < largest


def test_seed_line_may_lie_anywhere():
    pair, truth = uniform_pair(0.01)
    for position in (0.0, 1.0):
        assert axial_error(minimise(pair, Am2dParameters(seed_position=position)), truth) < 0.05


def test_swapped_frames_flip_a_small_motion():
    pair, _ = uniform_pair(0.002)
    forward = minimise(pair, Am2dParameters()).axial_samples[INNER]
    backward = minimise(FramePair(pair.deformed, pair.reference, GEOMETRY), Am2dParameters()).axial_samples[INNER]
    assert np.abs(forward + backward).mean() < 0.02


def test_attenuation_is_undone_before_matching():
    pair, truth = uniform_pair(0.01)
    fall = 10 ** (-0.63 * 100e-6 * 5e6 * GEOMETRY.depths_m(pair.reference.shape[0]) / 20)[:, None]
    faded = FramePair((pair.reference * fall).astype(np.float32), (pair.deformed * fall).astype(np.float32), GEOMETRY)
    assert axial_error(minimise(faded, Am2dParameters(attenuation_db_cm_mhz=0.63)), truth) < 0.03


def test_silent_frames_move_nothing():
    silent = np.zeros((64, 8), np.float32)
    displacement = minimise(FramePair(silent, silent, GEOMETRY), Am2dParameters())
    assert np.ptp(displacement.axial_samples) < 1e-6


def test_line_solver_agrees_with_a_dense_one():
    random = np.random.default_rng(0)
    size, alpha, beta = 9, 5.0, 10.0
    axial, lateral, residual, weight, a, previous = random.normal(size=(6, size))
    weight, pull, lateral_motion = np.abs(weight), np.full(size, 0.3), random.normal(size=size)
    step = solve_line(
        (axial, lateral), residual, weight, (a, lateral_motion, lateral_motion - previous), (alpha, beta, pull)
    )
    difference = np.diff(np.eye(size), axis=0)
    laplacian = difference.T @ difference
    matrix = np.block(
        [
            [np.diag(weight * axial**2) + alpha * laplacian, np.diag(weight * axial * lateral)],
            [np.diag(weight * axial * lateral), np.diag(weight * lateral**2 + pull) + beta * laplacian],
        ]
    )
    right = np.concatenate(
        [
            weight * axial * residual - alpha * laplacian @ a,
            weight * lateral * residual - beta * laplacian @ lateral_motion - pull * (lateral_motion - previous),
        ]
    )
    np.testing.assert_allclose(np.concatenate(step), np.linalg.solve(matrix, right), rtol=1e-6, atol=1e-8)


def test_is_in_the_registry_and_streams():
    pair, _ = uniform_pair(0.005, shape=(128, 12))
    asked = []

    def pairs():
        for number in range(2):
            asked.append(number)
            yield pair

    stream = ESTIMATORS.get("am2d").track(pairs(), Am2dParameters(), CPU)
    assert next(stream).axial_m.shape == (128, 12)
    assert asked == [0]
