"""A sliding layer and a pulsing vessel: exact truth, and RF that the truth explains."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from engine.numerics.warp import motion_from_numpy, warp
from engine.simulation.extra_motion import Change, Slip, Tremor, Vessel, pulse
from engine.simulation.mechanics import Compression
from engine.simulation.phantom import Phantom
from engine.simulation.protocols import protocol
from engine.simulation.recording import Plan, SimulatedRecording, simulate
from engine.simulation.sequences import FrameLoad
from engine.types import Geometry

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.2e-3)
STILL = Plan(Phantom(40e-3, 30e-3, (30e3,)), GEOMETRY, (480, 40), (FrameLoad(0.0),), scatterers_per_cell=20.0)
SLIP = Slip(4.6e-3, (0.4e-3,))
VESSEL = Vessel(0.5e-3, 4.6e-3, 1.5e-3, (40e-6,))
DEPTHS, LATERALS = GEOMETRY.depths_m(480), GEOMETRY.laterals_m(40)


def correlation(recording: SimulatedRecording, chosen: np.ndarray) -> float:
    """NCC of reference and motion-compensated frame over some rows and lines."""
    truth = recording.truth().read_frame(1)
    axial = truth.axial_displacement_m / GEOMETRY.axial_spacing_m
    motion = motion_from_numpy(axial, truth.lateral_displacement_m / GEOMETRY.pitch_m, torch.device("cpu"))
    mask = torch.as_tensor(chosen)
    found, still = warp(recording.rf[1][None, None], motion)[0, 0][mask], recording.rf[0][mask]
    return float((found * still).sum() / (found.norm() * still.norm()))


def inner() -> np.ndarray:
    chosen = np.zeros((480, 40), dtype=bool)
    chosen[20:-20, 5:-5] = True
    return chosen


def test_a_layer_slides_as_a_whole() -> None:
    truth = simulate(replace(STILL, extra_motion=(SLIP,)), 1).truth().read_frame(1)
    below = np.broadcast_to(DEPTHS[:, None] > SLIP.depth_m, (480, 40))
    np.testing.assert_array_equal(truth.lateral_displacement_m, np.where(below, np.float32(0.4e-3), 0))
    assert not truth.axial_displacement_m.any()


def test_a_slanting_layer_slides_along_its_interface() -> None:
    slanting = Slip(4.6e-3, (0.4e-3,), slope=0.5)
    lateral, axial = slanting.displacement_m(0, DEPTHS, LATERALS).numpy()
    moved = slanting.below(LATERALS[None, :], DEPTHS[:, None])
    np.testing.assert_allclose(np.hypot(lateral, axial)[moved], 0.4e-3)
    np.testing.assert_allclose(axial, 0.5 * lateral)
    assert not lateral[~moved].any()


def test_truth_explains_sliding_away_from_the_jump() -> None:
    recording = simulate(replace(STILL, extra_motion=(SLIP,)), 1)
    # The pulse reaches 0.25 mm to either side, so echoes of both layers mix within it.
    away = np.abs(DEPTHS - SLIP.depth_m) > 0.4e-3
    # Two whole lines: no interpolation at all, only rounding is left.
    assert correlation(recording, inner() & away[:, None]) > 0.999
    unmoved = torch.as_tensor(inner() & (SLIP.depth_m + 0.4e-3 < DEPTHS)[:, None])
    still, moved = recording.rf[0][unmoved], recording.rf[1][unmoved]
    assert float((still * moved).sum() / (still.norm() * moved.norm())) < 0.7


def test_a_vessel_pushes_incompressible_tissue_aside() -> None:
    lateral, axial = VESSEL.displacement_m(0, DEPTHS, LATERALS).numpy()
    x, z = LATERALS[None, :] - VESSEL.lateral_m, DEPTHS[:, None] - VESSEL.depth_m
    radius = np.hypot(x, z)
    radial = (lateral * x + axial * z) / radius
    assert radial.max() == pytest.approx(40e-6, rel=0.01)
    np.testing.assert_allclose(radial[radius > 1.5e-3], (40e-6 * 1.5e-3 / radius)[radius > 1.5e-3])
    divergence = np.gradient(lateral, GEOMETRY.pitch_m, axis=1) + np.gradient(axial, GEOMETRY.axial_spacing_m, axis=0)
    # Strain at the wall is 2.7 %; central differences over a line of 0.2 mm leave a hundredth of that 1 mm off it.
    assert np.abs(divergence[:, 1:-1][radius[:, 1:-1] > 2.5e-3]).max() < 3e-4


def test_truth_explains_a_pulsing_vessel() -> None:
    recording = simulate(replace(STILL, extra_motion=(VESSEL,)), 1)
    assert correlation(recording, inner()) > 0.99
    lumen = np.hypot(LATERALS[None, :] - VESSEL.lateral_m, DEPTHS[:, None] - VESSEL.depth_m) < 1e-3
    still = recording.rf[0]
    assert float(still[torch.as_tensor(lumen)].std()) < 0.3 * float(still[torch.as_tensor(~lumen)].std())


def test_a_beat_rises_fast_and_returns() -> None:
    assert (pulse(0.0), pulse(0.3), pulse(1.0)) == pytest.approx((0.0, 1.0, 0.0))
    assert pulse(0.999) < 0.01
    assert pulse(0.15) == pytest.approx(0.5)
    assert 0.5 > pulse(0.5) > pulse(0.7) > 0


@pytest.mark.parametrize("name", ["slip", "vessel"])
def test_the_protocols_move_more_than_compression_does(name: str) -> None:
    plan = protocol(name).plan(3, 0)
    (extra,) = plan.extra_motion
    height, width = plan.shape
    depths, laterals = plan.geometry.depths_m(height), plan.geometry.laterals_m(width)
    assert depths[0] < extra.depth_m < depths[-1]
    largest = max(
        float(extra.displacement_m(number, depths[::20], laterals[::8]).abs().max())
        for number in range(len(plan.loads))
    )
    assert 10e-6 < largest <= 3.01 * plan.geometry.pitch_m
    assert plan == protocol(name).plan(3, 0)


def test_tissue_that_has_changed_wholly_moves_as_the_other_would() -> None:
    before, after = (Phantom(40e-3, 30e-3, (30e3, modulus), layer_tops_m=(4e-3,)) for modulus in (30e3, 90e3))
    contact = Compression(tilt=0.2)
    plan = replace(STILL, phantom=before, compression=contact, loads=(FrameLoad(0.01), FrameLoad(0.02)))
    change = Change(before, contact, after, contact, (0.01, 0.02), (0.0, 1.0))
    changed = simulate(replace(plan, extra_motion=(change,)), 1).displacement_m
    np.testing.assert_allclose(changed[0], simulate(plan, 1).displacement_m[0], atol=1e-12)
    np.testing.assert_allclose(changed[1], simulate(replace(plan, phantom=after), 1).displacement_m[1], atol=1e-12)


def test_contact_changes_the_pattern_of_the_same_tissue() -> None:
    tissue = STILL.phantom
    change = Change(tissue, Compression(), tissue, Compression(tilt=0.4), (0.01,), (1.0,))
    _, axial = change.displacement_m(0, DEPTHS, LATERALS).numpy()
    assert np.abs(axial[:, 0] + axial[:, -1]).max() < 0.2 * np.abs(axial[:, 0]).max()
    assert np.abs(axial).max() > 1e-6


def test_a_trembling_hand_is_a_rigid_motion() -> None:
    field = Tremor(2e-3, (0.1e-3,), (20e-6,), (0.01,)).displacement_m(0, DEPTHS, LATERALS).numpy()
    corners = np.stack(np.meshgrid(LATERALS[[0, -1]], DEPTHS[[0, -1]])).reshape(2, -1)
    moved = corners + field[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    for one in range(4):
        for other in range(one):
            before, after = (np.hypot(*(places[:, one] - places[:, other])) for places in (corners, moved))
            assert after == pytest.approx(before, rel=1e-12)


def test_frames_of_the_non_proportional_protocol_show_no_common_pattern() -> None:
    made = protocol("non-proportional")
    assert [made.label(number, 1) for number in (1, 11)] == ["hardening, one", "hardening, one 11"]
    for number, kind in ((1, Change), (2, Change), (3, Slip), (4, Vessel), (5, Tremor)):
        plan = made.plan(number, 0)
        (extra,) = plan.extra_motion
        assert isinstance(extra, kind)
        first, last = (extra.displacement_m(frame, DEPTHS[::16], LATERALS[::8]) for frame in (0, 3))
        share = plan.loads[0].strain / plan.loads[3].strain
        assert float((first - share * last).abs().max()) > 2e-6
