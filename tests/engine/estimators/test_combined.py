import numpy as np
import pytest
import torch

from engine.estimators.base import ESTIMATORS, Estimator
from engine.estimators.combined import MusseNetThenGlue, RefinedParameters
from engine.parameters import Parameters
from engine.types import Displacement, FramePair, Geometry

CPU = torch.device("cpu")
GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)


class RoughParameters(Parameters):
    weights: str = ""


class Rough(Estimator[Parameters]):
    """Half a sample off everywhere."""

    name = "rough"
    title = "Rough"
    kind = "network"
    Params = RoughParameters

    def track(self, pairs, params, device):
        for pair in pairs:
            height, width = pair.reference.shape
            off = np.full((height, width), 0.5, np.float32)
            yield Displacement.from_samples(off, np.zeros_like(off), GEOMETRY)


@pytest.fixture
def combined(monkeypatch):
    estimator = MusseNetThenGlue()
    monkeypatch.setattr(estimator, "_network", Rough)
    monkeypatch.setattr(estimator, "_network_parameters", lambda params: RoughParameters())
    return estimator


def pair(seed=0):
    noise = np.random.default_rng(seed).normal(size=(256, 24))
    frequency = np.fft.rfftfreq(256, 1 / 40e6)
    rf = np.fft.irfft(np.fft.rfft(noise, axis=0) * np.exp(-0.5 * ((frequency - 5e6) / 1.3e6) ** 2)[:, None], axis=0)
    rf = (rf / np.abs(rf).max()).astype(np.float32)
    return FramePair(rf, rf, GEOMETRY)


def test_glue_removes_what_the_network_left(combined):
    (displacement,) = combined.track(iter([pair()]), RefinedParameters(), CPU)
    assert np.abs(displacement.axial_samples[20:-20, 2:-2]).max() < 0.01


def test_pairs_are_read_one_by_one(combined):
    asked = []

    def pairs():
        for number in range(3):
            asked.append(number)
            yield pair(number)

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
