"""Averaging of successive frames: noise falls, strain stays that of the newest frame, and nothing else is mixed in."""

import math
from dataclasses import replace

import numpy as np
import pytest

from engine.errors import ParameterError
from engine.metrics.relative import mean_strain
from engine.strain.persistence import FrameStrain, average_strain, averaged_frames, successive
from engine.types import Displacement, FrameEstimate, Geometry, Provenance, Result, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
SHAPE = (600, 50)
PATTERN = np.ones(SHAPE)
PATTERN[200:400, 15:35] = 0.4
PATTERN = PATTERN / PATTERN.mean()
NOISE = 1e-3


def frame(number: int, compression: float, *, reference: int = 0, quality: float = 0.9) -> FrameStrain:
    random = np.random.default_rng(number)
    strain = (-compression * PATTERN + NOISE * random.standard_normal(SHAPE)).astype(np.float32)
    quality_map = np.full(SHAPE, quality, np.float32)
    return FrameStrain(number, reference, Strain(strain, GEOMETRY, 2e-3), quality_map, -compression, (number,))


def noise_of(strain: np.ndarray, compression: float) -> float:
    return float(np.nanstd(strain + compression * PATTERN))


def test_noise_falls_with_the_root_of_the_frames() -> None:
    frames = [frame(number, 0.01) for number in range(1, 5)]
    found = average_strain(frames)
    assert found.averaged == (1, 2, 3, 4)
    assert noise_of(found.strain.axial, 0.01) == pytest.approx(NOISE / 2, rel=0.03)
    assert found.quality == pytest.approx(0.9, rel=1e-6)


def test_the_average_has_the_compression_of_the_newest_frame() -> None:
    """A cumulative recording: strain grows, the average does not lag behind, and small compressions count little."""
    compressions = (0.002, 0.008, 0.016, -0.004)
    frames = [frame(number, compression) for number, compression in enumerate(compressions, start=1)]
    for count in (2, 3, 4):
        newest = compressions[count - 1]
        found = average_strain(frames[:count])
        assert float(found.strain.axial.mean()) == pytest.approx(-newest, rel=0.01)
        expected = NOISE * abs(newest) / math.sqrt(sum(entry**2 for entry in compressions[:count]))
        assert noise_of(found.strain.axial, newest) == pytest.approx(expected, rel=0.05)


def test_a_frame_of_no_quality_adds_nothing() -> None:
    good, bad = frame(1, 0.01), frame(2, 0.01, quality=0.0)
    newest = frame(3, 0.01)
    with_bad, without = average_strain([good, bad, newest]), average_strain([good, newest])
    np.testing.assert_allclose(with_bad.strain.axial, without.strain.axial, rtol=1e-6)


def test_where_no_frame_has_quality_the_newest_stays() -> None:
    first, newest = frame(1, 0.01), frame(2, 0.02)
    for entry in (first, newest):
        entry.quality[:50] = 0
    found = average_strain([first, newest])
    np.testing.assert_array_equal(found.strain.axial[:50], newest.strain.axial[:50])
    np.testing.assert_array_equal(found.quality[:50], 0)
    assert not np.array_equal(found.strain.axial[50:], newest.strain.axial[50:])


def test_holes_are_filled_and_stay_where_no_frame_is_valid() -> None:
    first, newest = frame(1, 0.01), frame(2, 0.02)
    first.strain.axial[:10] = np.nan
    newest.strain.axial[:20] = np.nan
    newest.quality[30:40] = np.nan
    found = average_strain([first, newest])
    assert np.isnan(found.strain.axial[:10]).all()
    assert np.isfinite(found.strain.axial[10:]).all()
    np.testing.assert_allclose(found.strain.axial[10:20], 2 * first.strain.axial[10:20], rtol=1e-6)
    np.testing.assert_allclose(found.strain.axial[30:40], 2 * first.strain.axial[30:40], rtol=1e-6)
    assert np.isnan(newest.quality[30:40]).all()


def test_other_references_and_frames_without_compression_stay_out() -> None:
    newest = frame(4, 0.01)
    others = [frame(1, 0.01, reference=3), replace(frame(2, 0.01), mean=math.nan), frame(3, 0.01)]
    assert average_strain([*others, newest]).averaged == (3, 4)
    alone = average_strain([frame(3, 0.01), replace(newest, mean=math.nan)])
    assert alone.averaged == (4,)
    assert alone.strain is newest.strain


def test_successive_frames_end_with_the_shown_one() -> None:
    assert successive(4, (1, 2, 3, 4, 5), 3) == (2, 3, 4)
    assert successive(2, (9, 2, 1), 5) == (1, 2)
    assert successive(2, (1, 2), 1) == (2,)


def result_of(references: tuple[int, ...]) -> Result:
    reads: list[int] = []

    def read(row: int) -> FrameEstimate:
        reads.append(row)
        made = frame(row + 1, 0.004 * (row + 1))
        zero = np.zeros(SHAPE, np.float32)
        displacement = Displacement(zero, zero, GEOMETRY)
        return FrameEstimate(references[row], row + 1, displacement, made.strain, made.quality)

    frames = tuple(range(1, len(references) + 1))
    provenance = Provenance("ncc", {"reads": reads}, "", "0", "0" * 64)
    return Result((len(frames), *SHAPE), GEOMETRY, references[0], frames, provenance, read)


def test_rows_of_a_result_are_averaged_and_read_once() -> None:
    result = result_of((0, 0, 0, 0))
    read = averaged_frames(result, 3)
    found = [read(frame) for frame in result.deformed_frames]
    assert [entry.averaged for entry in found] == [(1,), (1, 2), (1, 2, 3), (2, 3, 4)]
    assert result.provenance.parameters["reads"] == [0, 1, 2, 3]
    strain = found[3].strain
    assert mean_strain(strain.axial, GEOMETRY, 2e-3) == pytest.approx(-0.016 * PATTERN[52:548, 2:48].mean(), rel=0.01)
    assert noise_of(strain.axial, 0.016) < 0.8 * NOISE


def test_sliding_pairs_stay_alone() -> None:
    read = averaged_frames(result_of((0, 1, 2)), 3)
    assert [read(frame).averaged for frame in (1, 2, 3)] == [(1,), (2,), (3,)]


def test_an_impossible_number_of_frames_is_one_line() -> None:
    with pytest.raises(ParameterError, match="between 1 and 10 frames"):
        averaged_frames(result_of((0,)), 11)
