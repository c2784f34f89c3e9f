import math
from dataclasses import replace

import numpy as np
import pytest

from engine.metrics.contrast import region_metrics, region_warnings, strain_metrics
from engine.metrics.reasons import REASONS, explain
from engine.types import Ellipse, Geometry, Strain

GEOMETRY = Geometry(sampling_hz=40e6, center_hz=5e6, sound_speed_m_s=1540.0, pitch_m=0.3e-3)
SHAPE = (1040, 128)
TARGET = Ellipse(-9e-3, 10e-3, 4e-3, 4e-3)
BACKGROUND = Ellipse(9e-3, 10e-3, 4e-3, 4e-3)


def striped(levels: tuple[float, float], ripple: float) -> np.ndarray:
    """Left and right half at two compressive strains, rows alternating by +- ripple; stored negative."""
    halves = np.where(np.arange(SHAPE[1]) < SHAPE[1] // 2, *levels)
    alternating = np.where(np.arange(SHAPE[0]) % 2, ripple, -ripple)
    return -(halves[None, :] + alternating[:, None]).astype(np.float32)


def test_ripples_of_a_tenth_give_the_textbook_numbers() -> None:
    found = region_metrics(striped((1.0, 2.0), 0.1), GEOMETRY, TARGET, BACKGROUND)
    assert found["snr_target"].value == pytest.approx(10.0, rel=1e-3)
    assert found["snr_background"].value == pytest.approx(20.0, rel=1e-3)
    assert found["cnr"].value == pytest.approx(10.0, rel=1e-3)
    assert found["cnr"].decibel == pytest.approx(20.0, abs=0.01)
    assert found["cnre"].value == pytest.approx(100.0, rel=2e-3)
    assert found["cnre"].decibel == pytest.approx(20.0, abs=0.01)
    assert found["strain_ratio"].value == pytest.approx(2.0, rel=1e-3)
    assert found["strain_contrast"].value == pytest.approx(0.5, rel=1e-3)
    assert found["mean_target"].value == pytest.approx(100.0, rel=1e-3)
    assert found["mean_target"].unit == "%"


def test_a_noise_free_map_of_two_equal_halves_has_snre_three() -> None:
    found = region_metrics(striped((1.0, 2.0), 0.0), GEOMETRY, TARGET, BACKGROUND)
    assert found["snre"].value == pytest.approx(3.0, rel=1e-6)


def test_constant_regions_have_zero_variance_and_no_number() -> None:
    found = region_metrics(striped((0.01, 0.02), 0.0), GEOMETRY, TARGET, BACKGROUND)
    for name in ("snr_target", "snr_background", "cnr", "cnre"):
        assert math.isnan(found[name].value)
        assert found[name].reason == "zero_variance"
    assert found["strain_ratio"].value == pytest.approx(2.0, rel=1e-6)


def test_expansion_has_the_same_ratios_and_the_means_tell_its_sign() -> None:
    found = region_metrics(-striped((1.0, 2.0), 0.1), GEOMETRY, TARGET, BACKGROUND)
    assert found["snr_target"].value == pytest.approx(10.0, rel=1e-3)
    assert found["mean_target"].value == pytest.approx(-100.0, rel=1e-3)
    assert found["cnr"].value == pytest.approx(10.0, rel=1e-3)
    assert found["strain_ratio"].value == pytest.approx(2.0, rel=1e-3)


def test_ddof_changes_the_deviation_by_the_expected_factor() -> None:
    strain = striped((1.0, 2.0), 0.1)
    population = region_metrics(strain, GEOMETRY, TARGET, None)["snr_target"]
    sample = region_metrics(strain, GEOMETRY, TARGET, None, ddof=1)["snr_target"]
    n = population.count
    assert sample.ddof == 1
    assert population.value / sample.value == pytest.approx(math.sqrt(n / (n - 1)), rel=1e-9)


def test_scaling_the_strain_changes_no_ratio() -> None:
    strain = striped((1.0, 2.0), 0.1)
    first = region_metrics(strain, GEOMETRY, TARGET, BACKGROUND)
    second = region_metrics(strain * np.float32(0.013), GEOMETRY, TARGET, BACKGROUND)
    for name in ("snr_target", "cnr", "snre", "strain_ratio"):
        assert second[name].value == pytest.approx(first[name].value, rel=1e-4)


def test_invalid_pixels_are_left_out_and_counted() -> None:
    strain = striped((1.0, 2.0), 0.1)
    whole = region_metrics(strain, GEOMETRY, TARGET, BACKGROUND)["snr_target"]
    strain[:520] = np.nan
    half = region_metrics(strain, GEOMETRY, TARGET, BACKGROUND)["snr_target"]
    assert half.count == pytest.approx(whole.count / 2, rel=0.02)
    assert half.value == pytest.approx(10.0, rel=1e-3)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (None, "not_drawn"),
        (Ellipse(0.0, 10e-3, 0.2e-3, 0.2e-3), "too_few"),
        (Ellipse(0.0, 10e-3, 1e-6, 1e-6), "too_few"),
        (Ellipse(50e-3, 10e-3, 4e-3, 4e-3), "outside_image"),
        (Ellipse(0.0, 50e-3, 4e-3, 4e-3), "outside_image"),
    ],
)
def test_a_region_without_enough_pixels_says_why(target: Ellipse | None, reason: str) -> None:
    found = region_metrics(striped((1.0, 2.0), 0.1), GEOMETRY, target, BACKGROUND)
    assert math.isnan(found["cnr"].value)
    assert found["snr_target"].reason == found["cnr"].reason == found["mean_target"].reason == reason
    assert found["snr_background"].value > 0
    assert explain(reason) != reason


def test_many_pixels_within_one_resolution_cell_are_too_few() -> None:
    small = Ellipse(0.0, 10e-3, 0.6e-3, 0.6e-3)
    assert small.mask(SHAPE, GEOMETRY).sum() > 25
    strain = Strain(striped((1.0, 2.0), 0.1), GEOMETRY, window_m=2e-3)
    assert strain_metrics(strain, small, None)["snr_target"].reason == "too_few"
    assert strain_metrics(replace(strain, window_m=0.2e-3), small, None)["snr_target"].value > 0


def test_warnings_name_region_and_trouble() -> None:
    strain = striped((1.0, 2.0), 0.1)
    assert region_warnings(strain, GEOMETRY, TARGET, BACKGROUND) == ()
    leaving = region_warnings(strain, GEOMETRY, replace(TARGET, depth_m=1e-3), BACKGROUND)
    assert [(entry.region, entry.reason) for entry in leaving] == [
        ("target", "leaves_image"),
        ("background", "other_depth"),
    ]
    for step_m, expected in ((4.9e-3, []), (5.1e-3, ["other_depth"]), (-5.1e-3, ["other_depth"])):
        lower = replace(BACKGROUND, depth_m=TARGET.depth_m + step_m, semi_axial_m=1.5e-3)
        assert [entry.reason for entry in region_warnings(strain, GEOMETRY, TARGET, lower, window_m=1e-3)] == expected
    crossing = region_warnings(strain, GEOMETRY, TARGET, replace(TARGET, lateral_m=-4e-3))
    assert [entry.reason for entry in crossing] == ["overlap"]
    gone = region_warnings(strain, GEOMETRY, None, replace(BACKGROUND, depth_m=90e-3))
    assert [str(entry) for entry in gone] == ["background: this region lies outside the image"]


def test_an_outline_of_the_lesion_is_warned_of_where_it_leaves_the_image() -> None:
    strain = striped((1.0, 2.0), 0.1)
    found = {
        depth_m: region_warnings(strain, GEOMETRY, TARGET, BACKGROUND, lesion=replace(TARGET, depth_m=depth_m))
        for depth_m in (TARGET.depth_m, 1e-3, 90e-3)
    }
    assert found[TARGET.depth_m] == ()  # it lies about the target, which is no overlap to warn of
    assert [(entry.region, entry.reason) for entry in found[1e-3]] == [("lesion", "outline_leaves_image")]
    assert [str(entry) for entry in found[90e-3]] == ["lesion: this region lies outside the image"]
    tiny = replace(TARGET, semi_lateral_m=1e-5, semi_axial_m=1e-5)
    assert region_warnings(strain, GEOMETRY, TARGET, BACKGROUND, lesion=tiny) == ()  # no pixel of it is counted


def test_every_reason_is_a_sentence() -> None:
    assert all(" " in sentence for sentence in REASONS.values())
