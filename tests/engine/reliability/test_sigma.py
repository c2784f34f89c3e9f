"""Uncertainty follows noise and blur, is calibrated for a method or its kin, and is fitted where errors are known."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
import torch

from engine.errors import ParameterError
from engine.reliability.fit import Errors, fit_scales
from engine.reliability.sigma import (
    MAPS,
    ComponentName,
    MapName,
    Parts,
    Scales,
    component_sigma,
    interval_words,
    noise_share,
    parts_of,
    scales_of,
    sigma_maps,
)
from engine.types import NOISE_SHARE, Displacement, Strain


@pytest.fixture
def strain(geometry) -> Strain:
    random = np.random.default_rng(0)
    values = -0.01 + 1e-4 * random.standard_normal((300, 30)).astype(np.float32)
    values[100:120, 5:9] = np.nan
    return Strain(values, geometry, 2e-3)


def displacement(strain: Strain) -> Displacement:
    moved = np.where(np.isfinite(strain.axial), 1e-5, np.nan).astype(np.float32)
    return Displacement(moved, moved.copy(), strain.geometry)


def sigma_of(name: MapName, method: str, strain: Strain, quality: np.ndarray) -> np.ndarray:
    if name in get_args(ComponentName):
        return component_sigma(name, method, strain, quality)
    return getattr(sigma_maps(method, displacement(strain), strain, quality), name)


def test_sigma_is_known_where_the_estimate_is_and_falls_with_correlation(strain) -> None:
    better, worse = (np.full(strain.axial.shape, rho, np.float32) for rho in (0.99, 0.9))
    for method in ("glue", "glue-stack", "ncc", "usse-net", "musse-net", "loupas", "usenet", "musse-net+glue"):
        for name in MAPS:
            low, high = (sigma_of(name, method, strain, quality) for quality in (better, worse))
            assert low.dtype == np.float32
            assert (np.isfinite(low) == np.isfinite(strain.axial)).all()
            known = np.isfinite(low)
            assert (low[known] > 0).all()
            assert (high[known] >= low[known]).all()
            # What noise does to the strain of a network shows in that strain.
            surer = name in get_args(ComponentName) or method in {"usse-net", "usenet"}
            assert surer or high[known].mean() > low[known].mean()


def test_sigma_is_larger_where_strain_changes(geometry) -> None:
    values = np.full((400, 40), -0.01, np.float32)
    values[200:] = -0.03
    strain = Strain(values, geometry, 2e-3)
    sigma = sigma_maps("glue", displacement(strain), strain, np.full(values.shape, 0.97, np.float32)).axial_strain
    assert sigma[200].mean() > 3 * sigma[60].mean()


def test_a_steady_gradient_is_no_change_but_an_edge_is(geometry) -> None:
    ramp = np.broadcast_to(-0.01 - 1e-5 * np.arange(400)[:, None], (400, 40)).astype(np.float32)
    edge = np.where(np.arange(400)[:, None] < 200, ramp, ramp - 0.005)
    change = [
        parts_of(Strain(values, geometry, 2e-3), np.full(values.shape, 0.97, np.float32))["axial_strain"].change
        for values in (ramp, edge)
    ]
    assert change[0][200, 20] < 1e-6
    assert change[1][200, 20] > 1e-3


def test_one_bad_place_does_not_decide_its_own_uncertainty(strain) -> None:
    quality = np.full(strain.axial.shape, 0.99, np.float32)
    quality[150:160, 20:22] = 0.3
    noise = parts_of(strain, quality)["axial_strain"].noise
    assert noise[155, 21] < 1.2 * noise[0, 0]


def test_a_still_frame_is_no_surer_than_a_moving_one(strain) -> None:
    quality = np.full(strain.axial.shape, 0.9, np.float32)
    still = replace(strain, axial=strain.axial + np.float32(0.01))
    for method in ("glue", "glue-stack", "ncc"):
        stated = np.nanmedian(sigma_maps(method, displacement(still), still, quality).axial_strain)
        assert stated > 5e-5  # what glue-stack leaves of ten decibels of noise


def test_a_shorter_strain_window_is_noisier_by_its_length_to_three_halves(strain) -> None:
    quality = np.full(strain.axial.shape, 0.97, np.float32)
    long, short = (parts_of(replace(strain, window_m=window_m), quality)["axial_strain"] for window_m in (2e-3, 1e-3))
    assert np.median(short.noise / long.noise) == pytest.approx(2**1.5, rel=1e-6)


def test_after_glue_a_shorter_window_is_no_noisier(strain) -> None:
    quality = np.full(strain.axial.shape, 0.97, np.float32)
    for method, same in (("glue", True), ("musse-net+glue", True), ("ncc", False)):
        found = [
            sigma_maps(method, displacement(strain), replace(strain, window_m=window_m), quality).axial_strain
            for window_m in (2e-3, 1e-3)
        ]
        assert np.allclose(*found, equal_nan=True) == same


def test_a_method_without_calibration_takes_its_kins() -> None:
    assert scales_of("loupas") == scales_of("ncc")
    assert scales_of("usenet") == scales_of("usse-net")
    assert scales_of("musse-net+glue") == scales_of("glue")
    assert scales_of("musse-net+glue-stack") == scales_of("glue-stack")


def test_a_frame_of_a_whole_recording_has_the_noise_that_it_holds_and_alone_that_of_glue(strain) -> None:
    quality = np.full(strain.axial.shape, 0.9, np.float32)
    alone = displacement(strain)

    def stated(method: str, moved: Displacement) -> tuple[float, float]:
        shear = component_sigma("shear_strain", method, strain, quality, noise_share(moved))
        return np.nanmedian(sigma_maps(method, moved, strain, quality).axial_strain), np.nanmedian(shear)

    little, much = (stated("glue-stack", replace(alone, report={NOISE_SHARE: share})) for share in (0.3, 0.9))
    assert little[0] < 0.8 * much[0]
    assert little[1] < much[1]
    assert stated("glue-stack", alone) == stated("glue", alone)
    assert stated("glue-stack", alone) != much


def parts(noise: float | torch.Tensor, change: float | torch.Tensor, mean: float) -> Parts:
    """Parts inside of a map of strain."""
    return Parts(torch.as_tensor(noise), torch.as_tensor(change), torch.tensor(mean), torch.tensor(1.0), 1.0)


def test_the_fit_finds_the_scales_that_made_the_errors() -> None:
    random = np.random.default_rng(1)
    made = Scales((0.7, 1.2, 0.0, 0.0, -1.0), (-0.5, 0.0, 0.9, 0.1, 0.0))
    samples = []
    for number in range(4):
        noise, change = (torch.from_numpy(random.uniform(1e-5, end, 3000).astype(np.float32)) for end in (2e-3, 1e-3))
        some = parts(noise, change, 0.005 * (1 + number))
        samples.append(Errors(made.sigma(some).numpy() * random.standard_normal(3000), some))
    found = fit_scales(samples)
    ratio = np.concatenate([entry.error / found.sigma(entry.parts).numpy() for entry in samples])
    assert ratio.std() == pytest.approx(1.0, abs=0.03)
    expected, fitted = (torch.cat([scales.sigma(entry.parts) for entry in samples]) for scales in (made, found))
    assert np.percentile((fitted / expected).log().abs(), 95) < 0.1


@pytest.mark.parametrize("method", ["glue", "glue-stack", "ncc", "usse-net", "musse-net"])
def test_more_noise_or_change_or_less_support_is_never_less_uncertainty(method: str) -> None:
    for scales in scales_of(method).values():
        for law in (scales.noise, scales.change):
            assert law[1] >= 0
            assert law[2] >= 0
            assert law[4] <= 0


def test_where_data_end_an_estimate_is_less_sure(strain) -> None:
    whole = replace(strain, axial=np.tile(strain.axial[:, 10:], (2, 1)))
    ended = replace(whole, axial=whole.axial.copy())
    ended.axial[400:] = np.nan
    quality = np.full(whole.axial.shape, 0.95, np.float32)
    support = parts_of(ended, quality)["axial_strain"].support[:, 5]
    np.testing.assert_allclose(support[[0, 200, 399]], [0.5, 1, 0.5], atol=0.01)
    for method in ("glue", "glue-stack"):
        inside, beside = (sigma_maps(method, displacement(some), some, quality).axial_strain for some in (whole, ended))
        assert np.median(beside[395:400] / inside[395:400]) > 1.2


@pytest.mark.parametrize("method", ["ncc", "glue-stack", "usse-net"])
def test_motion_without_any_strain_around_it_has_an_uncertainty_that_can_be(strain, method) -> None:
    """It was metres: the logarithm of no support."""
    moved = np.full(strain.axial.shape, 1e-5, np.float32)
    values = strain.axial.copy()
    values[:, 10:14] = np.nan
    alone = replace(strain, axial=values)
    quality = np.full(moved.shape, 0.95, np.float32)
    sigma = sigma_maps(method, Displacement(moved, moved.copy(), strain.geometry), alone, quality)
    assert np.nanmedian(sigma.axial_displacement_m[:, 20]) < np.nanmin(sigma.axial_displacement_m[:, 12]) < 1e-3
    assert np.nanmax(sigma.axial_displacement_m) < 1e-3


def test_a_handful_of_errors_is_no_calibration() -> None:
    with pytest.raises(ParameterError, match="at least 100 errors"):
        fit_scales([Errors(np.ones(5), parts(torch.ones(5), torch.ones(5), 0.01))])


def test_nothing_is_claimed_of_the_intervals_of_a_method_that_is_not_known_here() -> None:
    assert interval_words("gone").startswith("Intervals are as stored in the result: gone is not known here")
    assert "follow the random errors of glue-stack on simulated recordings:" in interval_words("glue-stack")
    assert "(those of loupas were not calibrated)" in interval_words("loupas")
