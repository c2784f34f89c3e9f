import math

import numpy as np
import pytest

from engine.metrics.accuracy import (
    comparable,
    displacement_accuracy,
    displacement_snr,
    nrmse,
    strain_accuracy,
)
from engine.types import Displacement, FrameTruth, Geometry, Map, Strain

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.3e-3)
SHAPE = (800, 64)


def ramp_truth(strain: float = -0.01) -> FrameTruth:
    depth = np.broadcast_to(GEOMETRY.depths_m(SHAPE[0])[:, None], SHAPE)
    return FrameTruth(
        (strain * depth).astype(np.float32), np.zeros(SHAPE, np.float32), np.full(SHAPE, strain, np.float32)
    )


def ramp(rows: int, lines: int) -> Map:
    """Displacement in samples of a uniform compression, from nearly 0 at the top."""
    return np.broadcast_to(-0.01 * np.arange(1, rows + 1, dtype=np.float32)[:, None], (rows, lines)).copy()


def test_two_percent_too_much_is_two_percent_in_every_form() -> None:
    truth = ramp(4000, 64)
    found = nrmse(truth * np.float32(1.02), truth)
    assert found["nrmse"].value == pytest.approx(2.0, rel=1e-4)
    assert found["nrmse_printed"].value == pytest.approx(2.0, rel=1e-4)
    # For a ramp from zero rms / mean is 2 / sqrt(3): 2.309 %; the crop of 40 rows moves it by about 0.02.
    assert found["nrmse_upstream"].value == pytest.approx(100 * 0.02 * 2 / math.sqrt(3), rel=0.02)
    assert found["nrmse_range"].value == pytest.approx(100 * 0.02 / math.sqrt(3), rel=0.01)


def test_the_upstream_form_of_an_uncropped_ramp_is_2_309() -> None:
    long = ramp(60_000, 31)
    found = nrmse(long * np.float32(1.02), long)["nrmse_upstream"]
    assert found.value == pytest.approx(2.309, abs=4e-3)


def test_the_printed_form_leaves_out_what_has_no_relative_error() -> None:
    truth = ramp(400, 64)
    found = nrmse(truth + np.float32(0.001), truth)["nrmse_printed"]
    assert found.count == 64 * int((np.abs(truth[:, 0]) >= 0.1).sum())
    assert found.value < 1.0


def test_a_constant_offset_is_rmse_mae_and_bias_in_samples_and_micrometres() -> None:
    truth = ramp_truth()
    spacing = GEOMETRY.axial_spacing_m
    shifted = Displacement(
        truth.axial_displacement_m + np.float32(0.25 * spacing), truth.lateral_displacement_m, GEOMETRY
    )
    found = displacement_accuracy(shifted, truth)
    for kind in ("rmse", "mae", "bias"):
        assert found[f"axial_{kind}"].value == pytest.approx(0.25, rel=1e-3)
        assert found[f"axial_{kind}_um"].value == pytest.approx(0.25 * 19.25, rel=1e-3)
        assert found[f"lateral_{kind}"].value == 0.0
    assert found["axial_rmse"].unit == "samples"
    assert found["axial_rmse_um"].unit == "um"


def test_the_sign_of_the_bias_follows_the_error() -> None:
    truth = ramp_truth()
    less = Displacement(truth.axial_displacement_m - np.float32(1e-6), truth.lateral_displacement_m, GEOMETRY)
    assert displacement_accuracy(less, truth)["axial_bias_um"].value == pytest.approx(-1.0, rel=1e-3)


def test_strain_errors_are_in_percent_strain_and_compression_positive() -> None:
    truth = ramp_truth(-0.01)
    strain = Strain(np.full(SHAPE, -0.012, np.float32), GEOMETRY, 2e-3)
    found = strain_accuracy(strain, truth)
    assert found["strain_rmse"].value == pytest.approx(0.2, rel=1e-4)
    assert found["strain_bias"].value == pytest.approx(0.2, rel=1e-4)
    assert found["strain_rmse"].unit == "%"


def test_only_comparable_pixels_count() -> None:
    truth = ramp_truth()
    mask = comparable(truth, GEOMETRY, 2e-3)
    assert not mask[:52].any()
    assert not mask[-52:].any()
    assert not mask[:, :2].any()
    leaving = FrameTruth(truth.axial_displacement_m - np.float32(10e-3), *([np.zeros(SHAPE, np.float32)] * 2))
    assert not comparable(leaving, GEOMETRY, 2e-3)[:500].any()
    broken = truth.axial_displacement_m.copy()
    broken[:, :32] = np.nan
    found = displacement_accuracy(Displacement(broken, truth.lateral_displacement_m, GEOMETRY), truth)
    assert found["axial_rmse"].count == int(mask[:, 32:].sum())
    assert found["axial_rmse"].value == 0.0


def test_no_estimate_at_all_is_a_reason() -> None:
    truth = ramp_truth()
    empty = Displacement(*[np.full(SHAPE, np.nan, np.float32)] * 2, GEOMETRY)
    found = displacement_accuracy(empty, truth)
    assert {entry.reason for entry in found.values()} == {"too_few"}


def test_displacement_snr_is_a_power_ratio() -> None:
    truth = np.linspace(1, 2, 1000)
    found = displacement_snr(truth * 1.1, truth)
    assert found.value == pytest.approx(100.0)
    assert found.decibel == pytest.approx(20.0)
    assert displacement_snr(truth, truth).reason == "zero_error"
