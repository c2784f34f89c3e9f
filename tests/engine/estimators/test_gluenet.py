import numpy as np
import pytest
import torch

from engine.errors import MethodError, ParameterError
from engine.estimators.base import ESTIMATORS, Estimator
from engine.estimators.glue import GlueParameters, refine
from engine.estimators.gluenet import GlueNet, GlueNetParameters, smoothed
from engine.networks import weights
from engine.parameters import Parameters
from engine.types import Displacement, Geometry

CPU = torch.device("cpu")
GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)


class Rough(Estimator[Parameters]):
    """Motion of zero, seen with the noise of a coarse network."""

    name = "rough"
    title = "Rough"
    kind = "network"
    Params = Parameters

    def track(self, pairs, params, device):
        random = np.random.default_rng(3)
        for pair in pairs:
            axial, lateral = random.normal(0.0, 0.5, (2, *pair.reference.shape)).astype(np.float32)
            axial[:3, :2] = np.nan
            yield Displacement.from_samples(axial, lateral, pair.geometry)


@pytest.fixture
def rough(monkeypatch):
    ESTIMATORS.names()
    monkeypatch.setitem(ESTIMATORS._entries, "rough", Rough())


@pytest.mark.parametrize("correct_cycles", [False, True])
def test_glue_removes_the_noise_of_any_coarse_method(rough, still_pair, correct_cycles):
    params = GlueNetParameters(coarse="rough", correct_cycles=correct_cycles)
    (displacement,) = GlueNet().track(iter([still_pair()]), params, CPU)
    assert np.abs(displacement.axial_samples[20:-20, 2:-2]).max() < 0.01


def test_the_published_glue_is_that_of_glue_itself(rough, still_pair):
    pair = still_pair()
    (found,) = GlueNet().track(iter([pair]), GlueNetParameters(coarse="rough", preset="published", passes=1), CPU)
    start = smoothed(next(Rough().track([pair], Parameters(), CPU)))
    expected = refine(pair, start, GlueParameters(start="initial", preset="published", passes=1), CPU)
    np.testing.assert_array_equal(found.axial_samples, expected.axial_samples)


@pytest.mark.parametrize(("coarse", "recurrent"), [("flownet2", False), ("usenet", False), ("musse-net", True)])
def test_it_remembers_what_its_coarse_method_remembers(coarse, recurrent):
    assert GlueNet().is_recurrent(GlueNetParameters(coarse=coarse)) is recurrent


def test_smoothing_leaves_a_linear_field_and_fills_gaps():
    rows, columns = np.mgrid[:200, :40].astype(np.float32)
    axial = -3 - 0.02 * rows + 0.01 * columns
    gappy = axial.copy()
    gappy[100, 20] = np.nan
    gappy[50, 10] += 30.0
    found = smoothed(Displacement.from_samples(gappy, 0.1 * columns, GEOMETRY))
    assert np.allclose(found.axial_samples, axial, atol=0.02)
    assert np.allclose(found.lateral_lines, 0.1 * columns, atol=1e-3)


def test_smoothing_lowers_independent_noise_fifteenfold():
    axial = np.random.default_rng(1).normal(0.0, 0.5, (300, 60)).astype(np.float32)
    found = smoothed(Displacement.from_samples(axial, axial, GEOMETRY))
    assert found.axial_samples.std() < 0.5 / 15


def test_without_weights_the_reason_is_given(still_pair, monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "folder", lambda: tmp_path)
    assert GlueNet().unavailable() == "flownet2: no trained weights in resources/weights"
    assert ESTIMATORS.get("end-to-end-cnn").unavailable() == "no trained weights in resources/weights"
    with pytest.raises(MethodError, match="flownet2 cannot run: no trained weights"):
        next(iter(GlueNet().track(iter([still_pair()]), GlueNetParameters(), CPU)))


def test_it_cannot_be_its_own_coarse_method(still_pair):
    with pytest.raises(ParameterError, match="its own coarse method"):
        next(iter(GlueNet().track(iter([still_pair()]), GlueNetParameters(coarse="gluenet"), CPU)))
