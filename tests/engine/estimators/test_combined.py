import numpy as np
import pytest
import torch

from engine.estimators.base import ESTIMATORS, PairwiseBatchEstimator
from engine.estimators.combined import MusseNetThenGlue, MusseNetThenGlueStack, RefinedParameters, StackedParameters
from engine.on_device import MotionBatch, PairBatch
from engine.parameters import Parameters

CPU = torch.device("cpu")


class RoughParameters(Parameters):
    weights: str = ""


class Rough(PairwiseBatchEstimator[Parameters]):
    """Half a sample off everywhere."""

    name = "rough"
    title = "Rough"
    kind = "network"
    Params = RoughParameters

    def motion(self, batch, params):
        motion = batch.start
        motion[:, 1] = 0.5
        return MotionBatch(motion)


@pytest.fixture
def combined(monkeypatch):
    estimator = MusseNetThenGlue()
    monkeypatch.setattr(estimator, "_network", Rough)
    monkeypatch.setattr(estimator, "_network_parameters", lambda params: RoughParameters())
    return estimator


def test_glue_removes_what_the_network_left(combined, still_pair):
    (displacement,) = combined.track(iter([still_pair()]), RefinedParameters(), CPU)
    assert np.abs(displacement.axial_samples[20:-20, 2:-2]).max() < 0.01


def test_pairs_are_read_one_by_one(combined, still_pair):
    asked = []

    def pairs():
        for number in range(3):
            asked.append(number)
            yield still_pair(number)

    stream = combined.track(pairs(), RefinedParameters(passes=1), CPU)
    next(stream)
    assert asked == [0]


def test_is_filed_under_its_name_with_the_networks_reasons():
    estimator = ESTIMATORS.get("musse-net+glue")
    assert estimator.kind == "combined"
    assert estimator.unavailable() == ESTIMATORS.get("musse-net").unavailable()


def test_weights_reach_the_network():
    estimator = MusseNetThenGlue()
    assert estimator._network_parameters(RefinedParameters(weights="other.safetensors")).as_dict()["weights"] == (
        "other.safetensors"
    )


def test_a_recording_is_stacked_from_the_starts_of_the_network(monkeypatch, still_pair):
    estimator = MusseNetThenGlueStack()
    monkeypatch.setattr(estimator, "_network", Rough)
    monkeypatch.setattr(estimator, "_network_parameters", lambda params: RoughParameters())
    params, made = StackedParameters(), [still_pair(number) for number in range(2)]
    batch = PairBatch.of(made, CPU)
    kept = estimator.keep(estimator.tracker(params, CPU)(batch).motion, batch.geometry, params).numpy()
    assert np.abs(kept[:, :, 3:-3, 2:-2]).max() < 0.02
    known = dict(enumerate(kept))
    final = estimator.together(lambda frames: batch, known, (0, 1), params)((0, 1), batch, known).motion
    assert float(final[:, 1, 20:-20, 2:-2].abs().max()) < 0.02
    assert ESTIMATORS.get("musse-net+glue-stack").unavailable() == ESTIMATORS.get("musse-net").unavailable()
