from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from engine.errors import ParameterError
from engine.numerics.warp import warp
from engine.training.config import DataSettings, Difficulty, TrainingConfig, parse
from engine.training.recording import CanonicalRecording
from engine.training.sources import FileSource, training_and_validation_sources
from engine.types import Geometry, RFSequence

H, W, T = 220, 24, 4
CPU = torch.device("cpu")
STRAIN = 0.01
GEOMETRY = Geometry(sampling_hz=50e6, center_hz=5e6, sound_speed_m_s=1540.0, pitch_m=0.2e-3)


def compressed(frames: int = T, seed: int = 0) -> np.ndarray:
    """A tone of ten samples a period under growing uniform compression of 1 % a frame."""
    rng = np.random.default_rng(seed)
    phase, rate = rng.uniform(0, 6, (2, 1, W))
    rows = np.arange(H)[:, None]
    stack = []
    for frame in range(frames):
        place = rows / (1 - STRAIN * frame)
        stack.append(np.sin(place * 2 * np.pi / 10 + phase) * (1 + 0.4 * np.sin(place / 9 + rate)))
    return np.stack(stack).astype(np.float32)


def write(path: Path, *, truth: bool, seed: int = 0) -> None:
    rf = compressed(seed=seed)
    with h5py.File(path, "w") as stored:
        stored["rf"] = rf
        stored.attrs.update(format="strainscope-rf", version=1, start_depth_m=0.0)
        for name in ("sampling_hz", "center_hz", "sound_speed_m_s", "pitch_m"):
            stored.attrs[name] = getattr(GEOMETRY, name)
        if truth:
            strain = np.full((T - 1, H, W), -STRAIN, np.float32) * np.arange(1, T, dtype=np.float32)[:, None, None]
            depth = np.arange(H, dtype=np.float32)[None, :, None] * GEOMETRY.axial_spacing_m
            stored["truth/axial_displacement_m"] = strain * depth
            stored["truth/lateral_displacement_m"] = np.zeros_like(strain)
            stored["truth/axial_strain"] = strain
            stored["truth/inclusion_mask"] = np.zeros((H, W), np.int32)
            stored["truth/youngs_modulus_pa"] = np.ones((H, W), np.float32)


def config(folder: Path, source: str, extra: str = "") -> TrainingConfig:
    loss = "loss = { endpoint = 1.0 }" if source == "folder" else ""
    return parse(
        f"[data]\nsource = '{source}'\npath = '.'\nheight = 128\nwidth = 16\nframes = 3\n{extra}\n[[phases]]\n{loss}\n",
        folder / "recipe.toml",
    )


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_files_with_truth_become_crops_whose_motion_is_right(tmp_path: Path) -> None:
    """Also on the canonical grid, here four fifths of the file's sampling."""
    for index in range(3):
        write(tmp_path / f"{index}.h5", truth=True, seed=index)
    training, validation = training_and_validation_sources(config(tmp_path, "folder"), CPU)
    for source, seed in ((training, 0), (training, 1), (validation, 0)):
        raw = source.sequence(generator(seed), Difficulty())
        assert raw.rf.shape == (3, 128, 16)
        assert raw.geometry.sampling_hz == pytest.approx(40e6)
        assert raw.motion is not None
        strain = (raw.motion[:, 1, 1:] - raw.motion[:, 1, :-1]).mean(dim=(1, 2))
        assert torch.allclose(strain / -STRAIN, (strain / -STRAIN).round(), atol=1e-3)
        back = warp(raw.rf[1:, None], raw.motion)[:, 0]
        error = (back - raw.rf[0])[:, 12:-12].abs().mean() / raw.rf[0].abs().mean()
        assert error < 0.03


def test_the_last_files_are_never_trained_on(tmp_path: Path) -> None:
    for index in range(3):
        write(tmp_path / f"{index}.h5", truth=True, seed=index)
    settings = config(tmp_path, "folder", "held_out = 2")
    training, validation = training_and_validation_sources(settings, CPU)
    assert isinstance(training, FileSource)
    assert isinstance(validation, FileSource)
    names = [[entry.sequence.name for entry in source._recordings] for source in (training, validation)]
    assert names == [["0.h5"], ["1.h5", "2.h5"]]
    with pytest.raises(ParameterError, match="do not suffice"):
        training_and_validation_sources(config(tmp_path, "folder", "held_out = 3"), CPU)


def test_real_recordings_start_from_the_bulk_fit(tmp_path: Path) -> None:
    for index in range(2):
        write(tmp_path / f"{index}.h5", truth=False, seed=index)
    source, _ = training_and_validation_sources(config(tmp_path, "recordings"), CPU)
    raw = source.sequence(generator(0), Difficulty())
    assert raw.motion is None
    assert raw.bulk is not None
    assert raw.bulk.offset.shape == (2, 2)
    with pytest.raises(ParameterError, match="has no truth"):
        training_and_validation_sources(config(tmp_path, "folder"), CPU)


def test_what_cannot_be_cropped_is_refused(tmp_path: Path) -> None:
    sequence = RFSequence.from_array(compressed(), GEOMETRY)
    with pytest.raises(ParameterError, match="fewer than"):
        FileSource((sequence,), DataSettings(frames=9), CPU)
    source = FileSource((sequence,), DataSettings(height=500, width=8, frames=3), CPU)
    with pytest.raises(ParameterError, match="smaller"):
        source.sequence(generator(0), Difficulty())
    with pytest.raises(ParameterError, match="not a folder"):
        training_and_validation_sources(replace(config(tmp_path, "folder"), folder=tmp_path / "no"), CPU)


def test_memory_does_not_grow_with_the_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.training.recording.FRAMES_KEPT", 3)
    recording = CanonicalRecording(RFSequence.from_array(compressed(8), GEOMETRY))
    for index in range(8):
        recording.frame(index)
    assert len(recording._frames) == 3


def test_truth_in_a_file_takes_no_part_when_only_its_rf_is_wanted(tmp_path: Path) -> None:
    """Alignment, crops and masks are those of the same RF written without truth, and nothing can be scored by truth."""
    made = {}
    for truth in (True, False):
        for index in range(2):
            (tmp_path / str(truth)).mkdir(exist_ok=True)
            write(tmp_path / str(truth) / f"{index}.h5", truth=truth, seed=index)
        sources = training_and_validation_sources(config(tmp_path / str(truth), "recordings"), CPU)
        made[truth] = [source.sequence(generator(0), Difficulty()) for source in sources]
    for with_truth, without in zip(made[True], made[False], strict=True):
        assert with_truth.motion is None
        assert with_truth.bulk is not None
        assert without.bulk is not None
        assert torch.equal(with_truth.rf, without.rf)
        assert torch.equal(with_truth.bulk.slope, without.bulk.slope)


def test_sequences_of_real_recordings_may_start_at_the_first_frame_and_unaligned() -> None:
    sequence = RFSequence.from_array(compressed(6), GEOMETRY)
    settings = DataSettings(height=64, width=8, frames=3, reference="first", prealign=False)
    source = FileSource((sequence,), settings, CPU)
    first = CanonicalRecording(sequence).frame(0)
    for seed in range(4):
        raw = source.sequence(generator(seed), Difficulty())
        assert raw.bulk is not None
        assert not raw.bulk.offset.any()
        assert not raw.bulk.slope.any()
        assert any(torch.equal(raw.rf[0], rows) for rows in first.unfold(0, 64, 1).unfold(1, 8, 1).flatten(0, 1))
