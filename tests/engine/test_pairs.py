"""Which frame is compared with which: the texts, the frames that have a reference, and what is estimated of them."""

import numpy as np
import pytest
import torch

from engine.accumulation import consistent
from engine.errors import ParameterError
from engine.pairs import parse_pairing
from engine.pipeline import Preparation, Settings, run, wanted_frames
from engine.types import Displacement, FrameEstimate, Geometry, RFSequence, Strain


@pytest.mark.parametrize(
    ("text", "canonical", "frames", "references"),
    [
        ("fixed", "fixed", (0, 1, 3, 4, 5), (2, 2, 2, 2, 2)),
        ("sliding", "sliding", (1, 2, 3, 4, 5), (0, 1, 2, 3, 4)),
        ("Lag 1", "sliding", (1, 2, 3, 4, 5), (0, 1, 2, 3, 4)),
        ("lag 4", "lag 4", (4, 5), (0, 1)),
        ("sliding added up", "sliding added up", (3, 4, 5), (2, 2, 2)),
        ("lag 2 Added up", "lag 2 added up", (4,), (2,)),
        ("(0, 5), (4, 2)", "0-5, 4-2", (2, 5), (4, 0)),
        ("0-5 4-2", "0-5, 4-2", (2, 5), (4, 0)),
    ],
)
def test_texts_and_frames(text: str, canonical: str, frames: tuple[int, ...], references: tuple[int, ...]) -> None:
    pairing = parse_pairing(text)
    assert pairing.text == canonical
    assert parse_pairing(pairing.text) == pairing
    assert pairing.frames(6, 2) == frames
    assert tuple(pairing.reference_of(frame, 2) for frame in frames) == references
    assert pairing.fixed == (text == "fixed")


@pytest.mark.parametrize(
    "text", ["", "lag 0", "lag", "0-5, x", "3-3", "0-5, 1-5", "5", "(0,5", "fixed added up", "0-5 added up"]
)
def test_other_texts_are_refused_in_one_line(text: str) -> None:
    with pytest.raises(ParameterError, match="pairs: "):
        Preparation(pairing=text)


def test_pairs_beyond_the_recording_are_refused(geometry: Geometry) -> None:
    sequence = RFSequence.from_array(np.zeros((4, 64, 8), np.float32), geometry)
    with pytest.raises(ParameterError, match="frame 7 does not exist, there are 4"):
        wanted_frames(sequence, Settings("ncc", preparation=Preparation(pairing="0-7")))


@pytest.fixture(name="steps", scope="module")
def fixture_steps(render, geometry: Geometry) -> RFSequence:
    """Five frames, each 0.4 % of the first's depth more compressed than the one before."""
    pairs = [render(lambda z, x, k=k: (-0.004 * k * z, 0.002 * k * x), rows=500, lines=16, seed=1) for k in range(5)]
    return RFSequence.from_array(np.stack([pair.deformed for pair in pairs]), geometry)


def test_lag_and_list_estimate_their_pairs(steps: RFSequence, cpu: torch.device) -> None:
    for text, wanted in (("lag 2", {2: 0, 3: 1, 4: 2}), ("1-4, 3-2", {4: 1, 2: 3})):
        found = {
            entry.deformed_frame: entry
            for entry in run(steps, Settings("ncc", preparation=Preparation(pairing=text)), cpu)
        }
        assert {frame: entry.reference_frame for frame, entry in found.items()} == wanted
        for frame, reference in wanted.items():
            strain = float(np.nanmedian(found[frame].strain.axial[60:-60, 3:-3]))
            assert strain == pytest.approx(-0.004 * (frame - reference) / (1 - 0.004 * reference), abs=3e-4)


def test_accumulated_motion_is_that_from_the_first_frame(steps: RFSequence, cpu: torch.device) -> None:
    """Steps of 0.4 % add up to what the last frame shows against the first, with drift and growing sigma said."""
    for text, frames in (("sliding", [1, 2, 3, 4]), ("lag 2", [2, 4])):
        settings = Settings("ncc", preparation=Preparation(pairing=f"{text} added up"))
        found = list(run(steps, settings, cpu))
        assert [entry.deformed_frame for entry in found] == frames
        assert {entry.reference_frame for entry in found} == {0}
        inside = slice(60, -60), slice(3, -3)
        for entry in found:
            k = entry.deformed_frame
            assert float(np.nanmedian(entry.strain.axial[inside])) == pytest.approx(-0.004 * k, abs=2e-4)
            assert 0 <= entry.displacement.report["drift_m"] < 10e-6
        sigmas = [float(np.nanmedian(entry.sigma.axial_strain[inside])) for entry in found if entry.sigma is not None]
        assert sigmas == sorted(sigmas)
        assert len(sigmas) == len(frames)


def test_a_step_and_its_inverse_meet_in_the_middle() -> None:
    """What a step errs by the same way in both directions is gone; where one is not known the other stays."""
    geometry, shape = Geometry(40e6, 5e6, 1540.0, 0.3e-3), (200, 24)

    def step(reference: int, frame: int, axial_m: float, lateral_m: float) -> FrameEstimate:
        axial, lateral = (np.full(shape, value, np.float32) for value in (axial_m, lateral_m))
        strain = Strain(0 * axial, geometry, 2e-3)
        return FrameEstimate(
            reference, frame, Displacement(axial, lateral, geometry), strain, np.full(shape, 0.9, np.float32)
        )

    forward, backward = step(0, 1, 50e-6, 31e-6), step(1, 0, -46e-6, -29e-6)
    found, inconsistency_m = consistent(forward, backward)
    assert (found.reference_frame, found.deformed_frame) == (0, 1)
    inside = found.displacement.axial_m[:150]
    assert np.allclose(inside, 48e-6, atol=1e-9)
    assert np.allclose(found.displacement.lateral_m[:150], 30e-6, atol=1e-9)
    assert inconsistency_m == pytest.approx(4e-6, rel=1e-3)
    nothing = step(1, 0, np.nan, np.nan)
    alone, unknown = consistent(forward, nothing)
    assert np.array_equal(alone.displacement.axial_m, forward.displacement.axial_m)
    assert np.isnan(unknown)
