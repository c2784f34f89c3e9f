"""Training sequences: exact motion, determinism, ranges."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from engine.errors import ParameterError
from engine.numerics.warp import inside, warp
from engine.simulation.crops import CropSettings, TrainingSequence, training_sequence

SMALL = CropSettings(height=384, width=48, bank_size=3)
CLEAN = replace(SMALL, clean=1.0)


def draw(seed: int, settings: CropSettings) -> TrainingSequence:
    return training_sequence(torch.Generator().manual_seed(seed), settings, torch.device("cpu"))


def correlations(sequence: TrainingSequence) -> Tensor:
    """NCC of frame 0 and every frame brought back by the true motion, where both are inside."""
    mask = inside(sequence.motion)[:, 0]
    mask[:, :16] = mask[:, -16:] = mask[:, :, :2] = mask[:, :, -2:] = False
    found = warp(sequence.rf[1:, None], sequence.motion)[:, 0] * mask
    still = sequence.rf[:1] * mask
    return (found * still).sum((1, 2)) / (found.square().sum((1, 2)) * still.square().sum((1, 2))).sqrt()


@pytest.mark.parametrize("protocol", ["free", "tehrani-rivaz"])
def test_true_motion_brings_every_frame_back(protocol: str) -> None:
    # 0.9963 at 3 % is what exact motion leaves; 5 % with lateral motion of lines somewhat less; a wrong sign < 0.3.
    settings = replace(CLEAN, protocol=protocol, max_strain=0.045)
    for seed in range(4):
        assert float(correlations(draw(seed, settings)).min()) > 0.975


def test_small_strain_is_brought_back_almost_exactly() -> None:
    # Lines close enough for the warp's linear interpolation between them.
    settings = replace(CLEAN, min_strain=0.01, max_strain=0.01, max_shear=0.0, max_pitch_m=0.13e-3, max_center_hz=6e6)
    assert float(correlations(draw(3, settings)).min()) > 0.995


def test_wrong_sign_or_channel_does_not_bring_it_back() -> None:
    settings = replace(CLEAN, protocol="tehrani-rivaz", near_inclusion=1.0)
    sequence = draw(5, settings)
    assert float(correlations(replace(sequence, motion=-sequence.motion)).abs().max()) < 0.3
    assert float(correlations(replace(sequence, motion=sequence.motion.flip(1)))[-1].abs()) < 0.3


def test_shapes_types_and_scale() -> None:
    sequence = draw(1, SMALL)
    assert sequence.rf.shape == (4, 384, 48)
    assert sequence.motion.shape == (3, 2, 384, 48)
    assert sequence.rf.dtype == sequence.motion.dtype == torch.float32
    assert float((sequence.rf[0].abs() > 1).float().mean()) == pytest.approx(0.001, abs=2e-4)
    assert sequence.geometry.sampling_hz == pytest.approx(8 * sequence.geometry.center_hz)


def test_texture_varies_the_brightness_alone() -> None:
    plain, textured = draw(2, CLEAN), draw(2, replace(CLEAN, max_texture_db=20.0))
    patches = [sequence.rf[0].square().unflatten(0, (8, 48)).mean(dim=(1, 2)).log10() for sequence in (plain, textured)]
    assert float(patches[1].std()) > 1.5 * float(patches[0].std())
    assert float(correlations(textured).min()) > 0.97


def test_the_generator_alone_decides() -> None:
    one, same, other = draw(7, SMALL), draw(7, SMALL), draw(8, SMALL)
    assert torch.equal(one.rf, same.rf)
    assert torch.equal(one.motion, same.motion)
    assert one.geometry == same.geometry
    assert not torch.equal(one.rf, other.rf)


def test_compression_moves_tissue_towards_the_probe_and_grows() -> None:
    settings = replace(CLEAN, protocol="tehrani-rivaz", max_displacement_samples=1000.0)
    axial = draw(2, settings).motion[:, 1]
    assert float(axial.mean((1, 2)).diff().max()) < 0
    assert bool((torch.diff(axial, dim=1).mean((1, 2)) < 0).all())


def test_displacement_stays_within_reach() -> None:
    settings = replace(CLEAN, max_displacement_samples=6.0, min_strain=0.02, max_strain=0.02, max_shear=0.0)
    strain_over_the_crop = 0.02 * 2.5 * settings.height
    for seed in range(3):
        assert float(draw(seed, settings).motion[:, 1].abs().max()) < 6.0 + strain_over_the_crop


def test_other_samplings_are_possible() -> None:
    geometry = draw(3, replace(SMALL, canonical=False)).geometry
    assert 20e6 <= geometry.sampling_hz <= 60e6
    assert geometry.sampling_hz != pytest.approx(8 * geometry.center_hz)


def test_settings_that_cannot_be_are_refused() -> None:
    with pytest.raises(ParameterError, match="min_strain is larger"):
        CropSettings(min_strain=0.05, max_strain=0.01)
    with pytest.raises(ParameterError, match="at most 10 frames"):
        draw(0, replace(SMALL, protocol="tehrani-rivaz", frames=11))
