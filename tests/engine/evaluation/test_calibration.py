"""The reliability table: a ratio of one where sigma is right, in every bin, and what is wrong where it is not."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import ParameterError
from engine.evaluation.calibration import FrameErrors, errors_of, plot_reliability, reliability
from engine.types import Displacement, FrameEstimate, FrameTruth, Sigma, Strain


def frames(factor: float = 1.0) -> list[FrameErrors]:
    random = np.random.default_rng(0)
    made = []
    for case in ("quiet", "loud"):
        for number, level in ((1, 0.005), (2, 0.03)):
            sigma = random.uniform(1e-4, 1e-3, 4000) * (3 if case == "loud" else 1)
            made.append(
                FrameErrors("ncc", case, number, level, 1.0, factor * sigma * random.standard_normal(4000), sigma)
            )
    return made


def test_true_uncertainties_have_a_ratio_of_one_in_every_bin() -> None:
    bins = reliability(frames())
    assert {entry.group for entry in bins} == {"all", "sigma", "recording", "strain"}
    assert [entry.label for entry in bins if entry.group == "recording"] == ["quiet", "loud"]
    assert [entry.label for entry in bins if entry.group == "strain"] == ["0.5 %", "3 %"]
    for entry in bins:
        assert entry.ratio == pytest.approx(1.0, abs=0.06)
        assert entry.covered_percent == pytest.approx(95, abs=1.5)
        assert entry.rms_percent == pytest.approx(entry.sigma_percent, rel=0.06)
    assert bins[0].count == 16000


def test_uncertainties_stated_too_small_show() -> None:
    whole = reliability(frames(factor=2.0))[0]
    assert whole.ratio == pytest.approx(2.0, abs=0.1)
    assert whole.covered_percent < 75


def test_errors_are_taken_where_there_is_a_strain(geometry) -> None:
    strain = np.full((300, 30), -0.012, np.float32)
    strain[150:] = np.nan
    maps = Sigma(*[np.full_like(strain, 1e-3)] * 3)
    moved = Displacement(np.zeros_like(strain), np.zeros_like(strain), geometry)
    estimate = FrameEstimate(0, 1, moved, Strain(strain, geometry, 2e-3), np.ones_like(strain), maps)
    truth = FrameTruth(np.zeros_like(strain), np.zeros_like(strain), np.full_like(strain, -0.01))
    found = errors_of("ncc", "case", 0.01, estimate, truth)
    assert found.error == pytest.approx(np.full(found.error.size, -0.002), rel=1e-3)
    assert found.valid == pytest.approx(0.5, abs=0.1)
    with pytest.raises(ParameterError, match="no uncertainty"):
        errors_of("ncc", "case", 0.01, FrameEstimate(0, 1, moved, Strain(strain, geometry, 2e-3), strain), truth)


def test_the_diagram_is_drawn(tmp_path: Path) -> None:
    target = tmp_path / "reliability.png"
    plot_reliability({"ncc": reliability(frames())}, target)
    assert target.stat().st_size > 5000
