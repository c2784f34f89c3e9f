"""The warp: exact where it must be, accurate on RF, differentiable, and with the sign of the conventions."""

import numpy as np
import pytest
import torch

from engine.numerics.warp import compose, inside, motion_from_numpy, upsample_axially, warp


def carrier(rows: int, shift: float, lines: int = 4) -> torch.Tensor:
    """Windowed 5 MHz tone at 40 MHz whose content lies `shift` samples deeper, (1, 1, rows, lines)."""
    position = torch.arange(rows, dtype=torch.float64) - shift - rows / 2
    wave = torch.cos(2 * torch.pi * position / 8) * torch.exp(-0.5 * (position / 20) ** 2)
    return wave.reshape(1, 1, rows, 1).expand(-1, -1, -1, lines).clone()


def constant(like: torch.Tensor, axial: float, lateral: float = 0.0) -> torch.Tensor:
    motion = torch.zeros(like.shape[0], 2, *like.shape[-2:], dtype=like.dtype)
    motion[:, 0], motion[:, 1] = lateral, axial
    return motion


@pytest.mark.parametrize("interpolation", ["band-limited", "bilinear"])
def test_zero_motion_returns_the_input_bit_for_bit(interpolation) -> None:
    image = torch.randn(2, 3, 20, 7)
    assert torch.equal(warp(image, torch.zeros(2, 2, 20, 7), interpolation), image)


def test_whole_samples_and_lines_are_exact_and_of_the_right_sign() -> None:
    image = torch.randn(1, 1, 30, 12)
    moved = warp(image, constant(image, 3.0, -2.0))
    assert torch.equal(moved[..., :27, 2:], image[..., 3:, :10])


@pytest.mark.parametrize("shift", [0.25, 0.37, -0.5, 1.9])
def test_rf_is_resampled_within_half_a_percent(shift) -> None:
    still, deformed = carrier(160, 0.0), carrier(160, shift)
    error = (warp(deformed, constant(deformed, shift)) - still).abs().max()
    assert error < 0.006
    coarse = (warp(deformed, constant(deformed, shift), "bilinear") - still).abs().max()
    assert coarse > 5 * error


@pytest.mark.parametrize(
    ("center_mhz", "bilinear", "band_limited"), [(5.0, 0.076, 0.005), (7.5, 0.169, 0.011)], ids=["5 MHz", "7.5 MHz"]
)
def test_errors_of_a_tone_are_the_stated_ones(center_mhz, bilinear, band_limited) -> None:
    """Relative rms errors at 40 MHz: half a sample by bilinear sampling, the worst of all shifts by our own."""
    rows = torch.arange(300, dtype=torch.float64).reshape(1, 1, -1, 1).expand(-1, -1, -1, 3)
    inner = (..., slice(30, -30), slice(None))

    def error(shift: float, interpolation: str) -> float:
        wanted = torch.cos(2 * torch.pi * center_mhz / 40 * (rows + shift))
        still = torch.cos(2 * torch.pi * center_mhz / 40 * rows)
        found = warp(still, constant(still, shift), interpolation)
        return float((found - wanted)[inner].norm() / wanted[inner].norm())

    assert error(0.5, "bilinear") == pytest.approx(bilinear, abs=0.001)
    assert max(error(step / 16, "band-limited") for step in range(16)) < band_limited


@pytest.mark.parametrize(("center_mhz", "gain", "error"), [(5.0, 0.963, 0.037), (7.5, 0.923, 0.077)])
def test_the_paper_s_warp_is_no_identity_without_motion(center_mhz, gain, error) -> None:
    rows = torch.arange(300, dtype=torch.float64).reshape(1, 1, -1, 1).expand(-1, -1, -1, 6)
    tone = torch.cos(2 * torch.pi * center_mhz / 40 * rows)
    inner = (..., slice(30, -30), slice(2, -2))
    still, found = tone[inner], warp(tone, constant(tone, 0.0), "paper")[inner]
    assert float((found * still).sum() / (still * still).sum()) == pytest.approx(gain, abs=0.001)
    assert float((found - still).norm() / still.norm()) == pytest.approx(error, abs=0.001)


def test_every_fourth_upsampled_row_is_the_input() -> None:
    image = torch.randn(1, 2, 25, 3)
    assert torch.equal(upsample_axially(image)[..., ::4, :], image)


def test_points_outside_take_the_border() -> None:
    image = torch.randn(1, 1, 10, 5)
    assert torch.equal(warp(image, constant(image, 50.0)), image[..., -1:, :].expand(-1, -1, 10, -1))


@pytest.mark.parametrize("interpolation", ["band-limited", "bilinear", "paper"])
def test_gradients(interpolation) -> None:
    generator = torch.Generator().manual_seed(0)
    image = torch.randn(1, 1, 9, 5, dtype=torch.float64, generator=generator, requires_grad=True)
    # Kept away from the kinks of linear interpolation, which lie at multiples of a quarter sample.
    motion = 0.125 + 0.06 * torch.rand(1, 2, 9, 5, dtype=torch.float64, generator=generator)
    motion.requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: warp(a, b, interpolation), (image, motion), atol=1e-4)


def test_composition_of_two_stretches() -> None:
    rows = torch.arange(200, dtype=torch.float64).reshape(1, 1, -1, 1).expand(-1, -1, -1, 3)
    previous = torch.cat([0 * rows, -0.02 * rows], dim=1)
    residual = torch.cat([0 * rows, -0.01 * rows], dim=1)
    total = compose(residual, previous)
    torch.testing.assert_close(total[:, 1:], (0.99 * 0.98 - 1) * rows, atol=1e-9, rtol=0)


def test_inside_knows_the_borders_and_its_margin() -> None:
    motion = constant(torch.zeros(1, 1, 6, 4), -1.0, 0.5)
    expected = torch.ones(1, 1, 6, 4, dtype=torch.bool)
    expected[..., 0, :] = False
    expected[..., :, -1] = False
    assert torch.equal(inside(motion), expected)
    assert inside(motion, margin=1.0).all()


def test_motion_from_maps_turns_nan_into_rest() -> None:
    axial = np.array([[1.0, np.nan]], np.float32)
    motion = motion_from_numpy(axial, 2 * axial, torch.device("cpu"))
    torch.testing.assert_close(motion, torch.tensor([[[[2.0, 0.0]], [[1.0, 0.0]]]]))
