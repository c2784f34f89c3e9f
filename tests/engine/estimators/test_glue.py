import numpy as np
import pytest
import torch

from engine.errors import ParameterError
from engine.estimators.base import ESTIMATORS
from engine.estimators.glue import GlueParameters, mean_strain_field
from engine.simulation.noise import add_gaussian
from engine.simulation.sequences import FrameLoad, Scene, render_scene
from engine.strain.base import STRAIN_METHODS
from engine.types import Displacement, FramePair, Geometry

CPU = torch.device("cpu")
GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.2e-3, start_depth_m=5e-3)
PUBLISHED = {"start": "initial", "preset": "published", "passes": 4}


def uniform_pair(strain, *, shift_samples=0.0, snr_db=np.inf, shape=(768, 64), seed=3):
    """Pair of a homogeneous phantom, starting from the truth rounded to whole samples, and the truth (2, H, W)."""

    def unit(depths_m, laterals_m):
        depths, laterals = np.meshgrid(depths_m - GEOMETRY.start_depth_m, laterals_m, indexing="ij")
        return torch.as_tensor(np.stack([0.495 * laterals, -depths]))

    generator = torch.Generator().manual_seed(seed)
    load = FrameLoad(strain, axial_shift_m=shift_samples * GEOMETRY.axial_spacing_m)
    scene = render_scene(Scene(shape, GEOMETRY, unit, (load,)), generator, CPU)
    rf = add_gaussian(scene.rf, snr_db, generator, float(scene.rf[0].std())).numpy()
    rf = rf / np.percentile(np.abs(rf[0]), 99.9)
    units = np.array([GEOMETRY.pitch_m, GEOMETRY.axial_spacing_m])[:, None, None]
    truth = (scene.displacement_m[0].numpy() / units).astype(np.float32)
    start = Displacement.from_samples(np.round(truth[1]), np.round(truth[0]), GEOMETRY)
    return FramePair(rf[0], rf[1], GEOMETRY, start), truth


def track(pair, **settings):
    glue = ESTIMATORS.get("glue")
    return next(iter(glue.track(iter([pair]), glue.Params(**settings), CPU)))


def axial_error(displacement, truth):
    inner = (slice(40, -40), slice(4, -4))
    return float(np.sqrt(np.mean((displacement.axial_samples - truth[1])[inner] ** 2)))


def lateral_error(displacement, truth):
    inner = (slice(40, -40), slice(4, -4))
    return float(np.sqrt(np.mean((displacement.lateral_lines - truth[0])[inner] ** 2)))


@pytest.mark.parametrize(("snr_db", "largest"), [(np.inf, 0.0008), (20.0, 0.012)])
def test_published_weights_find_a_rigid_shift(snr_db, largest):
    pair, truth = uniform_pair(0.0, shift_samples=0.3, snr_db=snr_db)
    assert axial_error(track(pair, **PUBLISHED), truth) < largest


@pytest.mark.parametrize(
    ("strain", "snr_db", "largest", "spread"),
    [(0.01, np.inf, 0.008, 8e-5), (0.01, 20.0, 0.015, 12e-5), (0.03, np.inf, 0.02, 16e-5), (0.03, 20, 0.024, 22e-5)],
)
def test_published_weights_find_a_uniform_strain(strain, snr_db, largest, spread):
    """Errors of displacement, and the spread of strain over 3 mm, of which uniform strain is the easiest case."""
    pair, truth = uniform_pair(strain, snr_db=snr_db)
    displacement = track(pair, **PUBLISHED)
    assert axial_error(displacement, truth) < largest
    assert lateral_error(displacement, truth) < 0.03
    method = STRAIN_METHODS.get("least-squares")
    inner = method.strain(displacement, None, method.Params(window_m=3e-3), CPU).axial[120:-120, 6:-6]
    assert np.mean(inner) == pytest.approx(-strain, abs=spread)
    assert np.std(inner) < spread


@pytest.mark.parametrize(("snr_db", "largest"), [(np.inf, 0.008), (20.0, 0.015)])
def test_tuned_default_is_accurate_at_one_percent(snr_db, largest):
    pair, truth = uniform_pair(0.01, snr_db=snr_db)
    displacement = track(pair, start="initial")
    assert axial_error(displacement, truth) < largest
    method = STRAIN_METHODS.get("least-squares")
    strain = method.strain(displacement, None, method.Params(), CPU).axial[100:-100, 6:-6]
    assert np.mean(strain) == pytest.approx(-0.01, abs=1e-4)


def test_no_motion_gives_none_and_rf_scale_changes_nothing():
    pair, _ = uniform_pair(0.01)
    still = track(FramePair(pair.reference, pair.reference, GEOMETRY), start="initial")
    assert np.abs(still.axial_samples).max() < 1e-4
    scaled = FramePair(pair.reference * 0.5, pair.deformed * 0.5, GEOMETRY, pair.initial)
    before, after = track(pair, start="initial"), track(scaled, start="initial")
    np.testing.assert_allclose(after.axial_samples, before.axial_samples, atol=2e-3, equal_nan=True)


def test_starts_reach_the_same_field():
    pair, truth = uniform_pair(0.01, shape=(512, 32))
    pair = FramePair(pair.reference, pair.deformed, GEOMETRY)
    for start in ("ncc", "dynamic-programming"):
        assert axial_error(track(pair, start=start), truth) < 0.01


def test_start_with_holes_is_filled():
    pair, truth = uniform_pair(0.01)
    axial = pair.initial.axial_m.copy()
    axial[100:130, 10:20] = np.nan
    start = Displacement(axial, pair.initial.lateral_m, GEOMETRY)
    assert axial_error(track(FramePair(pair.reference, pair.deformed, GEOMETRY, start), start="initial"), truth) < 0.008


def test_points_that_leave_the_frame_have_no_estimate():
    pair, _ = uniform_pair(0.0, shift_samples=-6.0)
    displacement = track(pair, start="initial")
    assert np.isnan(displacement.axial_m[:5]).all()
    assert not np.isnan(displacement.axial_m[8:]).any()


def test_pairs_are_read_one_by_one():
    pair, _ = uniform_pair(0.01, shape=(256, 16))
    asked = []

    def pairs():
        for number in range(3):
            asked.append(number)
            yield pair

    stream = ESTIMATORS.get("glue").track(pairs(), GlueParameters(start="initial", passes=1), CPU)
    next(stream)
    assert asked == [0]
    stream.close()


def test_bias_keeps_the_published_weights_from_shrinking_strain():
    pair, truth = uniform_pair(0.03, shape=(512, 32))
    shrunk = {**PUBLISHED, "axial_weight": 500.0}
    assert axial_error(track(pair, **shrunk, bias=True), truth) < 0.2 * axial_error(track(pair, **shrunk), truth)


def test_mean_strain_field_is_the_median_slope():
    rows, columns = np.mgrid[0:20, 0:10]
    start = np.stack([0.02 * columns, -0.01 * rows])
    start[1, -1, 0] = 50.0
    found = mean_strain_field(torch.from_numpy(start))
    np.testing.assert_allclose(found, np.stack([0.02 * columns, -0.01 * rows]), atol=1e-12)


def test_unknown_preset_is_refused():
    with pytest.raises(ParameterError, match="preset"):
        GlueParameters(preset="best")
