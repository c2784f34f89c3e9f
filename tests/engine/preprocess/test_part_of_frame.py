"""A part of the frame is estimated as in the whole, lies where it lay, and leaves the rest empty."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.errors import ParameterError
from engine.pipeline import Preparation, Settings, run
from engine.preprocess.part_of_frame import parse_box, part_of, part_with_echoes
from engine.reliability.frame import judge
from engine.types import Geometry, RFSequence, Sector


@pytest.fixture(name="pressed", scope="module")
def fixture_pressed(render, geometry: Geometry) -> RFSequence:
    pair = render(lambda z, x: (-0.01 * z, 0 * x), rows=700, lines=40, seed=4)
    return RFSequence.from_array(np.stack([pair.reference, pair.deformed]), replace(geometry, start_depth_m=2e-3))


def test_a_box_has_its_strain_and_nothing_lies_outside(pressed: RFSequence, cpu: torch.device) -> None:
    (whole,) = run(pressed, Settings("ncc"), cpu)
    (part,) = run(pressed, Settings("ncc", preparation=Preparation(part="5:12,-3:3")), cpu)
    rows, lines = parse_box("5:12,-3:3").slices(pressed.shape[1:], pressed.geometry)
    inside = np.zeros(pressed.shape[1:], bool)
    inside[rows, lines] = True
    assert np.isnan(part.strain.axial[~inside]).all()
    assert np.isnan(part.quality[~inside]).all()
    assert np.isfinite(part.strain.axial[inside]).mean() > 0.95
    assert np.nanmedian(part.displacement.axial_m - whole.displacement.axial_m) == pytest.approx(0, abs=1e-6)
    assert float(np.nanmedian(part.strain.axial)) == pytest.approx(-0.01, abs=3e-4)
    assert part.strain.geometry == pressed.geometry
    assert judge(part).verdict == "good"


def test_lines_that_fan_out_keep_their_angles(pressed: RFSequence) -> None:
    sector = Sector(40e-3, 0.005)
    fanned = replace(pressed, geometry=replace(pressed.geometry, sector=sector))
    cut = part_of(fanned, parse_box("5:12,0:"))
    inner = cut.sequence.geometry.sector
    assert inner is not None
    line = cut.cut[1].start
    count = cut.sequence.shape[2]
    assert inner.middle_rad - (count - 1) / 2 * inner.angle_step_rad == pytest.approx((line - 19.5) * 0.005)
    assert cut.sequence.geometry.depths_m(1)[0] == fanned.geometry.depths_m(700)[cut.cut[0].start]


@pytest.mark.parametrize("text", ["5", "12:5", "a:b", "1:2,3:4,5:6", "nan:3"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="part: "):
        Preparation(part=text)


def test_a_box_beside_the_frame_is_refused(pressed: RFSequence) -> None:
    with pytest.raises(ParameterError, match="holds 0 samples"):
        list(run(pressed, Settings("ncc", preparation=Preparation(part="90:100"))))


def test_echoes_that_end_while_tissue_moves_do_not_hold_it(pressed: RFSequence, cpu: torch.device) -> None:
    """Zeros from a fixed row on, and dead lines: nothing there, and beside them the strain that is there without."""
    frames = np.stack([pressed.frame(index) for index in range(2)])
    frames[:, 600:], frames[:, :, 37:] = 0, 0
    (found,) = run(RFSequence.from_array(frames, pressed.geometry), Settings("ncc"), cpu)
    axial = found.strain.axial
    assert axial.shape == pressed.shape[1:]
    assert np.isnan(axial[600:]).all()
    assert np.isnan(axial[:, 37:]).all()
    assert np.isnan(found.quality[600:]).all()
    last = axial[540:600, :37]
    assert np.isfinite(last).mean() > 0.9
    np.testing.assert_allclose(last[np.isfinite(last)], -0.01, atol=5e-3)


def test_only_ends_without_a_change_in_all_frames_are_cut_off(pressed: RFSequence) -> None:
    frames = np.stack([pressed.frame(index) for index in range(2)])
    frames[0, :40], frames[1, :30], frames[:, 200:300] = 0, 0, 0
    cut = part_with_echoes(RFSequence.from_array(frames, pressed.geometry), (0, 1))
    assert cut is not None
    assert cut.cut == (slice(30, 700), slice(0, 40))
    assert part_with_echoes(pressed, (0, 1)) is None
    assert part_with_echoes(RFSequence.from_array(np.zeros((2, 90, 8), np.float32), pressed.geometry), (0, 1)) is None
