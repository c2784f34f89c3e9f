"""What every registered estimator must hold; a new one is tested here before its author writes a line."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from engine.estimators.base import ESTIMATORS
from engine.parameters import Parameters
from engine.preprocess.alignment import bulk_motion
from engine.types import FramePair

NAMES = ESTIMATORS.names()
INSIDE = (slice(100, -100), slice(6, -6))


@pytest.fixture(params=NAMES)
def estimator(request: pytest.FixtureRequest):
    entry = ESTIMATORS.get(request.param)
    assert entry.unavailable() is None
    return entry


@pytest.fixture(scope="module")
def compressed(render, cpu) -> FramePair:
    pair = render(lambda z, x: (-0.01 * z, 0.004 * x), rows=640, lines=48)
    return replace(pair, initial=bulk_motion(pair, cpu))


def test_every_module_of_the_registry_imports() -> None:
    assert ESTIMATORS.failures() == {}


@pytest.mark.parametrize("name", NAMES)
def test_entries_describe_themselves(name: str) -> None:
    entry = ESTIMATORS.get(name)
    assert entry.name == name
    assert entry.title
    assert entry.kind in {"classical", "network", "combined"}
    assert issubclass(entry.Params, Parameters)
    for info in entry.Params.describe():
        assert info.help, f"{name}.{info.name} has no help"


def test_a_known_compression_comes_back(estimator, compressed, cpu) -> None:
    displacement = next(iter(estimator.track(iter([compressed]), estimator.Params(), cpu)))
    assert displacement.axial_m.shape == compressed.reference.shape
    assert displacement.axial_m.dtype == np.float32
    assert displacement.lateral_m.dtype == np.float32
    axial = displacement.axial_samples[INSIDE]
    assert np.isfinite(axial).mean() > 0.9
    rows = np.arange(axial.shape[0])
    profile = np.nanmedian(axial, axis=1)
    slope = np.polyfit(rows, profile, 1)[0]
    assert slope == pytest.approx(-0.01, rel=0.15)
    assert np.nanmedian(axial + 0.01 * (rows + 100)[:, None]) == pytest.approx(0, abs=0.5)


def test_without_motion_there_is_none(estimator, compressed, cpu) -> None:
    still = FramePair(compressed.reference, compressed.reference, compressed.geometry)
    axial = next(iter(estimator.track(iter([still]), estimator.Params(), cpu))).axial_samples[INSIDE]
    assert np.nanpercentile(np.abs(axial), 90) < (0.5 if estimator.name == "flownet2" else 0.1)  # coarse by design


@pytest.mark.parametrize("shape", [(5, 40), (200, 1), (64, 2)], ids=["few samples", "one line", "two lines"])
def test_the_smallest_frames_are_no_problem(estimator, geometry, cpu, shape) -> None:
    rf = np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32)
    pair = FramePair(rf[0], rf[1], geometry)
    pair = replace(pair, initial=bulk_motion(pair, cpu))
    displacement = next(iter(estimator.track(iter([pair]), estimator.Params(), cpu)))
    assert displacement.axial_m.shape == shape


def test_pairs_are_read_no_further_ahead_than_needed(estimator, compressed, cpu) -> None:
    asked = []

    def pairs() -> Iterator[FramePair]:
        for index in range(6):
            asked.append(index)
            yield compressed

    stream = iter(estimator.track(pairs(), estimator.Params(), cpu))
    next(stream)
    assert len(asked) <= 3
