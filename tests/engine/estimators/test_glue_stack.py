"""The whole recording as evidence: better than pair by pair where frames agree, GLUE's own answer where they do not."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from engine.estimators.base import ESTIMATORS
from engine.estimators.global_cost.momentum import Momentum
from engine.estimators.glue_stack import GlueStackParameters, pattern_words
from engine.pipeline import Preparation, Settings, run
from engine.reliability.sigma import noise_share
from engine.simulation.protocols import protocol
from engine.types import FrameEstimate, RFSequence

SEED = 77  # a training seed


CROP = (slice(200, 740), slice(8, 56))


@pytest.fixture(scope="module")
def whole() -> RFSequence:
    _, _, recording = next(iter(protocol("small-noisy").recordings((1,), SEED, draws=1)))
    return recording.sequence()


@pytest.fixture(scope="module")
def noisy(whole) -> RFSequence:
    """Reference and three frames, cropped."""
    return RFSequence.from_array(np.stack([whole.frame(index)[CROP] for index in range(4)]), whole.geometry)


@pytest.fixture(scope="module")
def estimates(noisy, cpu) -> list[FrameEstimate]:
    return list(run(noisy, Settings("glue-stack"), cpu, provisional=True))


def strain_error(whole: RFSequence, estimates: Sequence[FrameEstimate]) -> np.ndarray:
    errors = []
    for estimate in estimates:
        truth = whole.truth.read_frame(estimate.deformed_frame).axial_strain[CROP]
        errors.append(np.sqrt(np.nanmean((estimate.strain.axial - truth)[60:-60, 4:-4] ** 2)))
    return np.array(errors)


def test_frames_of_one_pattern_are_better_together(whole, estimates) -> None:
    first = [entry for entry in estimates if entry.provisional]
    final = [entry for entry in estimates if not entry.provisional]
    assert [entry.deformed_frame for entry in first] == [entry.deformed_frame for entry in final] == [1, 2, 3]
    assert [entry.displacement.report["stacked"] for entry in final] == [1.0, 1.0, 1.0]
    shares = [noise_share(entry.displacement) for entry in final]
    assert 0.3 < shares[0] < shares[1] < shares[2] < 1.2  # the weakest frame gains most from the others
    assert all(np.isnan(noise_share(entry.displacement)) for entry in first)
    assert np.all(strain_error(whole, final) < [0.7, 0.95, 1.1] * strain_error(whole, first))


def test_a_frame_that_shows_something_else_gets_its_own_answer_back(noisy, cpu) -> None:
    """The last frame is the reference stretched and compressed in turn: nothing that the pattern explains."""
    frames = np.stack([noisy.frame(index) for index in range(4)])
    rows, lines = np.mgrid[: frames.shape[1], : frames.shape[2]].astype(float)
    frames[3] = map_coordinates(frames[0], [rows + np.sin(rows / 25), lines], mode="nearest")
    sequence = RFSequence.from_array(frames, noisy.geometry)
    found = {entry.deformed_frame: entry for entry in run(sequence, Settings("glue-stack"), cpu, provisional=True)}
    assert found[2].displacement.report["stacked"] == 1.0
    assert found[3].displacement.report["stacked"] == 0.0
    assert np.isnan(noise_share(found[3].displacement))


def test_a_frame_that_matches_nothing_says_nothing_of_itself(noisy, cpu) -> None:
    frames = np.stack([noisy.frame(index) for index in range(4)])
    frames[2] = np.random.default_rng(0).standard_normal(frames[2].shape) * frames[1].std()
    found = list(run(RFSequence.from_array(frames, noisy.geometry), Settings("glue-stack"), cpu))
    assert [sorted(entry.displacement.report) for entry in found][1] == []
    assert pattern_words(entry.displacement.report for entry in found).endswith("of 2 frames")


def test_one_pair_is_glue(noisy, cpu) -> None:
    sequence = replace(noisy, shape=(2, *noisy.shape[1:]))
    (stacked,) = run(sequence, Settings("glue-stack"), cpu)
    (glue,) = run(sequence, Settings("glue"), cpu)
    assert stacked.displacement.report["stacked"] == 0.0
    np.testing.assert_allclose(stacked.strain.axial, glue.strain.axial, atol=2e-4)  # knots, interpolated
    assert stacked.sigma is not None
    assert glue.sigma is not None
    ratio = stacked.sigma.axial_strain / glue.sigma.axial_strain
    assert np.nanmedian(np.abs(np.log(ratio))) < 0.02


@pytest.fixture(scope="module")
def slow() -> RFSequence:
    """Small steps of one compression, cropped; tissue moves by a few samples at most."""
    steps = replace(protocol("small-noisy"), strains=(0.002, 0.004, 0.006, 0.008))
    _, _, recording = next(iter(steps.recordings((1,), SEED, draws=1)))
    return recording.sequence()


def test_sliding_pairs_share_a_pattern_that_the_tissue_carries(slow, cpu) -> None:
    sequence = RFSequence.from_array(np.stack([slow.frame(index)[CROP] for index in range(5)]), slow.geometry)
    settings = Settings("glue-stack", preparation=Preparation(pairing="sliding"))
    found = list(run(sequence, settings, cpu, provisional=True))
    first = [entry for entry in found if entry.provisional]
    final = [entry for entry in found if not entry.provisional]
    assert [(entry.reference_frame, entry.deformed_frame) for entry in final] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert sum(entry.displacement.report["stacked"] > 0 for entry in final) >= 3
    strains = [np.zeros(sequence.shape[1:])]
    strains += [slow.truth.read_frame(frame).axial_strain[CROP] for frame in range(1, 5)]

    def error(estimates: Sequence[FrameEstimate]) -> float:
        steps = [entry.strain.axial - np.diff(strains, axis=0)[entry.reference_frame] for entry in estimates]
        return float(np.sqrt(np.nanmean(np.stack(steps)[:, 60:-60, 4:-4] ** 2)))

    assert error(final) < 0.85 * error(first)


def test_pairs_of_other_tissue_keep_their_own_estimates(slow, cpu) -> None:
    """Frames 3 and 4 are turned over: they tell nothing of the pattern of the others, nor that of them."""
    frames = np.stack([slow.frame(index)[CROP] for index in range(5)])
    frames[3:] = frames[3:, ::-1]
    sequence = RFSequence.from_array(frames, slow.geometry)
    settings = Settings("glue-stack", preparation=Preparation(pairing="0-1, 0-2, 3-4"))
    stacked = {entry.deformed_frame: entry.displacement.report["stacked"] for entry in run(sequence, settings, cpu)}
    assert stacked[4] == 0.0


def test_the_evidence_is_spread_over_the_recording_and_bounded() -> None:
    method = ESTIMATORS.get("glue-stack")
    params = GlueStackParameters()
    assert method.evidence(5, params) == (0, 1, 2, 3, 4)
    places = method.evidence(1000, params)
    assert len(places) == params.evidence_frames
    assert (places[0], places[-1]) == (0, 999)


def test_the_result_of_a_frame_does_not_depend_on_which_are_wanted(noisy, estimates, cpu) -> None:
    (one,) = run(noisy, Settings("glue-stack", frames=(1,)), cpu)
    every = next(entry for entry in estimates if not entry.provisional)
    np.testing.assert_array_equal(one.strain.axial, every.strain.axial)


def test_momentum_is_zero_for_what_an_incompressible_sheet_can_do_and_its_transpose_is_right() -> None:
    operator = Momentum.of(torch.ones(2, 1, 1, dtype=torch.float64), (0.5, 0.25))
    z = torch.arange(12, dtype=torch.float64)[:, None] * 0.5
    x = torch.arange(9, dtype=torch.float64)[None] * 0.25
    # u = a x z, w = b z^2 + c x^2: m_x = 0, m_z = 4 b + c + 3/2 a
    bending = torch.stack([2.0 * x * z, -1.0 * z**2 + 1.0 * x**2 + 0 * z])
    assert float(operator.apply(bending).abs().max()) < 1e-9
    field = torch.randn(2, 12, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    other = torch.randn(2, 10, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    left, right = (operator.apply(field) * other).sum(), (field * operator.adjoint(other)).sum()
    assert float(left) == pytest.approx(float(right))
