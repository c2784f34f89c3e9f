"""A pixel is valid where data decide it: not between unrelated frames, nor where there is no echo or no match."""

from dataclasses import replace

import numpy as np
import pytest

from engine.pipeline import Settings, run
from engine.quality import compensate
from engine.reliability.validity import independent_share, match_scores, valid_pixels
from engine.types import Displacement, FramePair, RFSequence

NETWORKS = ("usse-net", "musse-net")


@pytest.fixture(scope="module")
def matched(render, geometry) -> FramePair:
    """One percent of compression."""
    return render(lambda z, x: (-0.01 * z, 0 * x), seed=1, snr_db=20.0)


@pytest.fixture(scope="module")
def stranger(render) -> FramePair:
    """Speckle that has nothing in common with `matched`."""
    return render(lambda z, x: (0 * z, 0 * x), seed=2, snr_db=20.0)


def compressed(pair: FramePair, strain: float = -0.01) -> Displacement:
    axial = np.broadcast_to(strain * np.arange(pair.reference.shape[0])[:, None], pair.reference.shape)
    return Displacement.from_samples(
        axial.astype(np.float32), np.zeros(pair.reference.shape, np.float32), pair.geometry
    )


def estimate(reference, deformed, geometry, cpu, method: str):
    sequence = RFSequence.from_array(np.stack([reference, deformed]), geometry)
    return next(run(sequence, Settings(method), cpu))


def test_the_true_motion_of_a_matching_pair_is_valid_everywhere(matched, cpu) -> None:
    assert valid_pixels(compensate(matched, compressed(matched), cpu)).float().mean() > 0.99


@pytest.mark.parametrize("method", ["glue", "ncc", "loupas", "am2d", *NETWORKS])
def test_unrelated_frames_have_no_strain(matched, stranger, geometry, cpu, method) -> None:
    found = estimate(matched.reference, stranger.reference, geometry, cpu, method)
    assert np.isfinite(found.strain.axial).mean() <= 0.02
    assert np.isfinite(found.displacement.axial_m).mean() <= 0.02
    assert np.isfinite(found.displacement.lateral_m).mean() <= 0.02


@pytest.mark.parametrize("method", ["glue", "ncc"])
def test_white_noise_has_no_strain(geometry, cpu, method) -> None:
    noise = np.random.default_rng(0).standard_normal((2, 600, 32)).astype(np.float32)
    assert not np.isfinite(estimate(*noise, geometry, cpu, method).strain.axial).any()


@pytest.mark.parametrize("method", ["glue", "ncc", *NETWORKS])
def test_rows_without_any_echo_are_empty_and_the_others_are_not(matched, geometry, cpu, method) -> None:
    reference, deformed = matched.reference.copy(), matched.deformed.copy()
    for frame in (reference, deformed):
        frame[:150] = 0
        frame[550:] = 0
    strain = estimate(reference, deformed, geometry, cpu, method).strain.axial
    assert not np.isfinite(strain[:150]).any()
    assert not np.isfinite(strain[550:]).any()
    assert np.isfinite(strain[170:530]).mean() > 0.97
    assert np.nanmedian(strain) == pytest.approx(-0.01, abs=1.5e-3)


def test_a_patch_that_decorrelates_is_empty(matched, stranger, geometry, cpu) -> None:
    deformed = matched.deformed.copy()
    deformed[240:500, 4:20] = stranger.reference[240:500, 4:20]
    valid = valid_pixels(compensate(replace(matched, deformed=deformed), compressed(matched), cpu))[0].numpy()
    assert valid[310:430, 8:16].mean() < 0.02
    assert valid[:200].mean() > 0.99
    assert valid[540:680].mean() > 0.99


def test_a_shadow_full_of_noise_is_empty(matched, geometry, cpu) -> None:
    random = np.random.default_rng(5)
    frames = []
    for frame in (matched.reference, matched.deformed):
        dark = frame.copy()
        dark[200:, 16:] *= 1e-3
        frames.append(dark + 0.02 * frame.std() * random.standard_normal(frame.shape).astype(np.float32))
    valid = valid_pixels(compensate(FramePair(*frames, geometry), compressed(matched), cpu))[0].numpy()
    assert valid[270:, 20:].mean() < 0.02
    assert valid[20:, :14].mean() > 0.99


def test_a_common_scale_changes_nothing(matched, cpu) -> None:
    louder = replace(matched, reference=1e4 * matched.reference, deformed=1e4 * matched.deformed)
    valid = [valid_pixels(compensate(pair, compressed(pair), cpu)) for pair in (matched, louder)]
    assert (valid[0] == valid[1]).all()


def test_the_score_of_unrelated_frames_is_standard_whatever_their_bandwidth(geometry, cpu) -> None:
    from scipy.ndimage import gaussian_filter1d

    random = np.random.default_rng(3)
    for samples in (0, 2, 5):
        white = random.standard_normal((2, 900, 60)).astype(np.float32)
        frames = (
            white
            if samples == 0
            else gaussian_filter1d(white, samples, axis=1) - gaussian_filter1d(white, 3 * samples, axis=1)
        )
        pair = FramePair(frames[0], frames[1], geometry)
        for score in match_scores(compensate(pair, compressed(pair, 0.0), cpu))[:2]:
            assert score.std() == pytest.approx(1.0, abs=0.25)
            assert abs(score.mean()) < 0.4


def test_an_empty_frame_has_no_independent_samples(cpu) -> None:
    import torch

    assert independent_share(torch.zeros(20, 10), torch.ones(20, 10)) == 0.0
