"""In vivo arm recordings (Delaunay et al., Phys. Med. Biol. 66:175031, 2021), where they lie beside the checkout.

Both arms hardly strain in the static layer under the probe (above 4 mm) and below 25 mm, and about twice the mean in
between. What plain correlation reports as the strain of the frame is the slope of the displacement over depth; the
median of the local strain over all depths is smaller, because most pixels lie in the layers that strain little.
"""

from pathlib import Path

import numpy as np
import pytest

from engine.pipeline import Settings, run
from engine.types import FrameEstimate, Geometry, RFSequence

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
ROWS, LINES = 2000, 128
TISSUE = slice(100, 1700)
"""Rows between the dark near field and the noise, the ones which the data's authors used."""

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no real recordings in {DATA.parent.name}/{DATA.name}")


def recording(name: str) -> RFSequence:
    geometry = Geometry(sampling_hz=1540 / (2 * 0.02e-3), center_hz=4.5e6, sound_speed_m_s=1540, pitch_m=0.2e-3)
    paths = [DATA / name / f"igtlTestImage{number}.raw" for number in range(1, 7)]
    return RFSequence((6, ROWS, LINES), geometry, lambda k: np.fromfile(paths[k], "<f4").reshape(ROWS, LINES))


@pytest.fixture(scope="module", params=["ncc", "loupas"])
def arms(request: pytest.FixtureRequest, cpu) -> dict[str, FrameEstimate]:
    settings = Settings(method=request.param, frames=(5,))
    return {name: next(run(recording(name), settings, cpu)) for name in ("arm_299", "arm_304")}


@pytest.mark.parametrize(("name", "strain", "tolerance"), [("arm_299", -0.015, 0.003), ("arm_304", -0.005, 0.0015)])
def test_the_strain_over_depth_is_known(arms, name, strain, tolerance) -> None:
    axial = arms[name].displacement.axial_samples[TISSUE]
    rows = np.arange(axial.shape[0])
    slopes = [np.polyfit(rows[good], line[good], 1)[0] for line in axial.T if (good := np.isfinite(line)).mean() > 0.7]
    assert len(slopes) > 0.9 * LINES
    assert np.median(slopes) == pytest.approx(strain, abs=tolerance)


@pytest.mark.parametrize("name", ["arm_299", "arm_304"])
def test_the_tissue_moves_towards_the_probe_with_depth(arms, name) -> None:
    profile = np.nanmedian(arms[name].displacement.axial_samples[: TISSUE.stop], axis=1)
    assert abs(profile[150]) < 0.5
    assert profile[400] < -1
    assert profile[800] < profile[600] < profile[400]
    assert profile[1300] == pytest.approx({"arm_299": -20, "arm_304": -9}[name], abs=2)


@pytest.mark.parametrize("name", ["arm_299", "arm_304"])
def test_the_field_is_smooth_and_without_holes(arms, name) -> None:
    estimate = arms[name]
    axial = estimate.displacement.axial_samples[TISSUE]
    assert np.isfinite(axial).mean() > 0.85
    assert np.nanpercentile(np.abs(np.diff(axial, axis=0)), 99.9) < 0.15
    assert np.nanpercentile(np.abs(np.diff(axial, axis=1)), 99) < 1.0
    assert np.nanmedian(estimate.quality[TISSUE]) > 0.55


def test_neighbouring_frames_correlate_well(cpu) -> None:
    estimate = next(run(recording("arm_304"), Settings(method="ncc", frames=(1,)), cpu))
    assert np.nanmedian(estimate.quality[TISSUE]) > 0.95
