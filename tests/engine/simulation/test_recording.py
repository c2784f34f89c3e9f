"""Whole recordings: motion-compensated correlation, strain of a uniform phantom, truth, and the file."""

from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from engine.numerics.warp import inside, motion_from_numpy, warp
from engine.readers import ReadOptions, open_recording
from engine.simulation.phantom import Inclusion, Phantom
from engine.simulation.recording import Plan, SimulatedRecording, simulate
from engine.simulation.sequences import Degradation, FrameLoad
from engine.simulation.write import write_recording
from engine.strain.base import STRAIN_METHODS
from engine.types import Displacement, Ellipse, Geometry

GEOMETRY = Geometry(40e6, 5e6, 1540.0, 0.2e-3)
UNIFORM = Plan(
    Phantom(40e-3, 30e-3, (30e3,)), GEOMETRY, (640, 48), (FrameLoad(0.01), FrameLoad(0.03)), scatterers_per_cell=20.0
)
LESION = replace(
    UNIFORM,
    phantom=Phantom(40e-3, 30e-3, (30e3,), (Inclusion(Ellipse(0.5e-3, 6e-3, 2e-3, 2e-3), 10e3),)),
    degradation=Degradation(snr_db=20.0, correlation=0.99, gains=(0.95, 1.05)),
)
IN_BAND_DB = 8.24


def correlation(recording: SimulatedRecording, frame: int) -> float:
    truth = recording.truth().read_frame(frame)
    motion = motion_from_numpy(
        truth.axial_displacement_m / GEOMETRY.axial_spacing_m,
        truth.lateral_displacement_m / GEOMETRY.pitch_m,
        torch.device("cpu"),
    )
    mask = inside(motion)[0, 0]
    mask[:16] = mask[-16:] = False
    found, still = warp(recording.rf[frame][None, None], motion)[0, 0][mask], recording.rf[0][mask]
    return float((found * still).sum() / (found.norm() * still.norm()))


def test_true_motion_explains_the_frames() -> None:
    # Noise-free 0.9996 at 1 % and 0.9963 at 3 %; with 20 dB noise on both frames 0.990 and 0.987.
    clean = simulate(UNIFORM, 1)
    assert correlation(clean, 1) == pytest.approx(0.9995, abs=0.0008)
    assert correlation(clean, 2) == pytest.approx(0.9963, abs=0.0025)
    noisy = simulate(replace(UNIFORM, degradation=Degradation(snr_db=20.0)), 1)
    assert correlation(noisy, 1) == pytest.approx(0.990, abs=0.003)
    assert correlation(noisy, 2) == pytest.approx(0.987, abs=0.004)


def test_true_strain_of_a_uniform_phantom_is_the_applied_one() -> None:
    recording = simulate(UNIFORM, 1)
    method = STRAIN_METHODS.get("least-squares")
    for frame, strain in ((1, 0.01), (2, 0.03)):
        truth = recording.truth().read_frame(frame)
        np.testing.assert_allclose(truth.axial_strain, -strain, rtol=1e-3)
        displacement = Displacement(truth.axial_displacement_m, truth.lateral_displacement_m, GEOMETRY)
        filtered = method.strain(displacement, None, method.Params(), torch.device("cpu")).axial
        np.testing.assert_allclose(filtered[np.isfinite(filtered)], -strain, rtol=5e-3)


def test_added_motion_is_in_the_truth() -> None:
    load = FrameLoad(0.0, axial_shift_m=40e-6, lateral_shift_m=-100e-6, shear=0.01, rotation=-0.005)
    recording = simulate(replace(UNIFORM, loads=(load,)), 1)
    truth = recording.truth().read_frame(1)
    depths, laterals = GEOMETRY.depths_m(640), GEOMETRY.laterals_m(48)
    assert truth.axial_displacement_m[100, 7] == pytest.approx(40e-6 - 0.005 * laterals[7], abs=1e-10)
    wanted = -100e-6 + 0.01 * (depths[100] - depths.mean())
    assert truth.lateral_displacement_m[100, 7] == pytest.approx(wanted, abs=1e-10)
    assert correlation(recording, 1) > 0.99


def test_truth_shows_the_lesion() -> None:
    truth = simulate(LESION, 2).truth()
    strain = truth.read_frame(1).axial_strain
    assert strain[truth.inclusion_mask == 1].mean() < 1.3 * strain[truth.inclusion_mask == 0].mean() < 0
    assert set(np.unique(truth.inclusion_mask)) == {0, 1}
    assert set(np.unique(truth.youngs_modulus_pa)) == {np.float32(10e3), np.float32(30e3)}


def test_texture_and_echo_gain_change_brightness_alone() -> None:
    plain, dark = simulate(LESION, 2), simulate(replace(LESION, echo_gains=(0.3,), texture_db=2.0), 2)
    inclusion = torch.as_tensor(plain.truth().inclusion_mask == 1)
    assert float(dark.rf[0][inclusion].std()) < 0.6 * float(plain.rf[0][inclusion].std())
    assert torch.equal(plain.displacement_m, dark.displacement_m)


def test_a_written_recording_reads_back_with_its_truth(tmp_path: Path) -> None:
    sequence = simulate(LESION, 3).sequence()
    write_recording(tmp_path / "lesion.h5", sequence, attributes={"seed": 3})
    again = open_recording([tmp_path / "lesion.h5"], ReadOptions()).complete()
    assert again.shape == sequence.shape
    assert again.geometry.sources.sampling_hz == "file"
    assert (again.geometry.sampling_hz, again.geometry.pitch_m) == (40e6, 0.2e-3)
    assert again.truth is not None
    assert sequence.truth is not None
    for name in ("axial_displacement_m", "lateral_displacement_m", "axial_strain"):
        np.testing.assert_array_equal(
            getattr(again.truth.read_frame(2), name), getattr(sequence.truth.read_frame(2), name)
        )
    # int16 with a peak of 30000 keeps RF to half a count.
    scale = 30000 / max(float(np.abs(sequence.frame(index)).max()) for index in range(3))
    np.testing.assert_allclose(again.frame(1), sequence.frame(1) * scale, atol=0.51)


def test_same_seed_same_bytes(tmp_path: Path) -> None:
    for name, seed in (("one", 4), ("two", 4), ("three", 5)):
        write_recording(tmp_path / name, simulate(LESION, seed).sequence())
    contents = [(tmp_path / name).read_bytes() for name in ("one", "two", "three")]
    assert contents[0] == contents[1] != contents[2]


def test_truth_can_be_left_out(tmp_path: Path) -> None:
    write_recording(tmp_path / "rf.h5", simulate(UNIFORM, 1).sequence(), with_truth=False)
    with h5py.File(tmp_path / "rf.h5") as file:
        assert "truth" not in file
