"""Pairs of a recording that is compressed twice: its cycles, the best pair between rest and full compression."""

import numpy as np
import pytest
import torch

from engine.errors import ParameterError
from engine.pair_finder import cycles_of, find_pairs
from engine.types import Geometry, RFSequence

LOADS = (0.0, 0.006, 0.012, 0.006, 0.0, 0.006, 0.012)


@pytest.fixture(name="twice", scope="module")
def fixture_twice(render, geometry: Geometry) -> RFSequence:
    """Seven frames of a tissue that is pressed to 1.2 %, let go, and pressed again; the last frame matches nothing."""
    pairs = [
        render(lambda z, x, load=load: (-load * z, 0 * x), rows=500, lines=12, seed=2, snr_db=25) for load in LOADS
    ]
    other = render(lambda z, x: (0 * z, 0 * x), rows=500, lines=12, seed=9)
    return RFSequence.from_array(np.stack([*(pair.deformed for pair in pairs), other.deformed]), geometry)


def test_pairs_are_ranked_and_cycles_found(twice: RFSequence, cpu: torch.device) -> None:
    found = find_pairs(twice, cpu)
    best = found.pairs[0]
    assert abs(LOADS[best.deformed] - LOADS[best.reference]) == pytest.approx(0.012)
    assert best.mean_strain == pytest.approx(LOADS[best.reference] - LOADS[best.deformed], abs=1e-3)
    assert [entry.score for entry in found.pairs] == sorted((entry.score for entry in found.pairs), reverse=True)
    assert all(7 not in {entry.reference, entry.deformed} for entry in found.pairs)
    assert found.cycles == ((0, 2), (4, 6))
    assert found.best_lag == 2
    assert found.best_reference in {0, 2, 4}
    assert found.compression[:7] == pytest.approx(LOADS, abs=2e-3)
    words = " ".join(found.words())
    assert "cycles of compression, at rest and most compressed: 0-2, 4-6" in words
    assert "--reference 0 --frames 2,6, then --average 2" in words


def test_a_still_recording_has_no_cycle_and_one_frame_no_pair(geometry: Geometry) -> None:
    assert cycles_of(np.zeros(9)) == ()
    with pytest.raises(ParameterError, match="holds one frame"):
        find_pairs(RFSequence.from_array(np.ones((1, 400, 8), np.float32), geometry))
