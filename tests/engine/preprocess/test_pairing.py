import numpy as np
import pytest

from engine.errors import StrainscopeError
from engine.preprocess.pairing import normalise


def test_both_frames_are_divided_by_the_percentile_of_the_reference(geometry) -> None:
    rng = np.random.default_rng(0)
    reference = rng.standard_normal((300, 40)).astype(np.float32) * 1e4
    deformed = 0.5 * reference
    pair = normalise(reference, deformed, geometry)
    assert np.percentile(np.abs(pair.reference), 99.9) == pytest.approx(1, rel=1e-3)
    np.testing.assert_allclose(pair.deformed, 0.5 * pair.reference, rtol=1e-6)
    assert pair.reference.dtype == pair.deformed.dtype == np.float32


def test_a_reference_without_signal_is_one_clear_line(geometry) -> None:
    empty = np.zeros((50, 8), np.float32)
    with pytest.raises(StrainscopeError, match="no signal"):
        normalise(empty, empty + 1, geometry)


def test_an_empty_deformed_frame_is_allowed(geometry) -> None:
    frame = np.ones((50, 8), np.float32)
    assert not normalise(frame, 0 * frame, geometry).deformed.any()
