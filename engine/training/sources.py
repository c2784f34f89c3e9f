"""Where training sequences come from: the simulator, files with truth, or real recordings without."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.errors import ParameterError, ReadError
from engine.preprocess.alignment import bulk_motion
from engine.preprocess.pairing import normalise
from engine.readers.open import open_recording
from engine.simulation.crops import CropSettings, training_sequence
from engine.training.alignment import fit
from engine.training.config import DataSettings, Difficulty, TrainingConfig, build
from engine.training.data import RawSequence, Source
from engine.types import RFSequence

OTHER_PHANTOMS = 100_000
"""Added to the seed of the bank of phantoms for validation, so that none is trained on."""

VALIDATION_PHANTOMS = 8

MOTIONS_KEPT = 64
"""Whole-frame motion fields kept in memory."""


class SimulatedSource:
    """Sequences made on the fly."""

    def __init__(self, settings: CropSettings, device: torch.device) -> None:
        self._settings = settings
        self._device = device

    def sequence(self, generator: torch.Generator, difficulty: Difficulty) -> RawSequence:
        """Simulate one sequence of up to the difficulty's strain, at least the settings' smallest."""
        settings = replace(self._settings, max_strain=max(difficulty.max_strain, self._settings.min_strain))
        made = training_sequence(generator, settings, self._device)
        return RawSequence(made.rf, made.geometry, motion=made.motion)


class FileSource:
    """Random crops of recordings; frame 0 is the reference of those with truth, any frame of the others.

    The crop of a deformed frame is moved by whole samples along with the motion, so that little leaves it.
    """

    def __init__(self, sequences: tuple[RFSequence, ...], data: DataSettings, device: torch.device) -> None:
        self._sequences = sequences
        self._data = data
        self._device = device
        self._motions: dict[tuple[int, int, int], Tensor] = {}
        for sequence in sequences:
            if sequence.shape[0] < data.frames or sequence.shape[1] < data.height or sequence.shape[2] < data.width:
                raise ParameterError(
                    f"{sequence.name}: {sequence.shape} (frames, axial, lateral) is smaller than the crop "
                    f"{(data.frames, data.height, data.width)}"
                )

    def sequence(self, generator: torch.Generator, difficulty: Difficulty) -> RawSequence:
        """Read one crop; the difficulty of recorded motion is what it is."""

        def draw(stop: int) -> int:
            return int(torch.randint(stop, (), generator=generator))

        number = draw(len(self._sequences))
        recording = self._sequences[number]
        total, height, width = recording.shape
        first = 0 if recording.truth is not None else draw(total - self._data.frames + 1)
        later = torch.randperm(total - first - 1, generator=generator)[: self._data.frames - 1].sort().values
        frames = [first, *(int(index) + first + 1 for index in later)]
        row, line = draw(height - self._data.height + 1), draw(width - self._data.width + 1)
        rows, lines = slice(row, row + self._data.height), slice(line, line + self._data.width)
        crops = [torch.as_tensor(recording.frame(first)[rows, lines])]
        motions = []
        for frame in frames[1:]:
            motion = self._motion(number, first, frame)[:, rows, lines]
            offset = round(float(motion[1].median()))
            moved = np.clip(np.arange(rows.start, rows.stop) + offset, 0, height - 1)
            crops.append(torch.as_tensor(recording.frame(frame)[moved, lines]))
            motions.append(motion - torch.tensor([0.0, offset])[:, None, None])
        rf = torch.stack(crops).to(self._device)
        motion = torch.stack(motions).to(self._device)
        if recording.truth is not None:
            return RawSequence(rf, recording.geometry, motion=motion)
        return RawSequence(rf, recording.geometry, bulk=fit(motion))

    def _motion(self, number: int, reference: int, frame: int) -> Tensor:
        key = (number, reference, frame)
        if key not in self._motions:
            if len(self._motions) >= MOTIONS_KEPT:
                self._motions.clear()
            self._motions[key] = _whole_motion(self._sequences[number], reference, frame)
        return self._motions[key]


def training_and_validation_sources(config: TrainingConfig, device: torch.device) -> tuple[Source, Source]:
    """Open what the configuration names; files held out for validation are never trained on."""
    data = config.data
    if data.source == "simulated":
        shape = {"height": data.height, "width": data.width, "frames": data.frames}
        clash = sorted(set(shape) & set(config.crops))
        if clash:
            raise ParameterError(f"crops: {', '.join(clash)} belongs to the data table")
        settings = build(CropSettings, {**config.crops, **shape}, "crops")
        other = replace(settings, bank_seed=settings.bank_seed + OTHER_PHANTOMS, bank_size=VALIDATION_PHANTOMS)
        return SimulatedSource(settings, device), SimulatedSource(other, device)
    sequences = open_folder(config.folder / data.path, needs_truth=data.source == "folder")
    if len(sequences) <= data.held_out:
        raise ParameterError(f"{data.path}: {len(sequences)} files do not suffice to hold {data.held_out} out")
    kept = len(sequences) - data.held_out
    return FileSource(sequences[:kept], data, device), FileSource(sequences[kept:] or sequences, data, device)


def open_folder(folder: Path, *, needs_truth: bool) -> tuple[RFSequence, ...]:
    """Open every recording of a folder in the order of their names: files, or sub-folders of frames.

    Without any that holds two frames or more, the folder itself is opened as one recording.
    """
    if not folder.is_dir():
        raise ParameterError(f"{folder} is not a folder")
    found = [_open((entry,)) for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
    sequences = tuple(entry for entry in found if entry is not None and entry.shape[0] > 1)
    if not sequences:
        sequences = (open_recording([folder]).complete(accept_suggested=True),)
    without = [sequence.name for sequence in sequences if sequence.truth is None]
    if needs_truth and without:
        raise ParameterError(f'{without[0]} has no truth: use source = "recordings"')
    return sequences


def _open(paths: tuple[Path, ...]) -> RFSequence | None:
    try:
        return open_recording(paths).complete(accept_suggested=True)
    except ReadError:
        return None


def _whole_motion(recording: RFSequence, reference: int, frame: int) -> Tensor:
    """Whole-frame motion in lines and samples, (2, H, W): the truth, or the bulk fit of a real recording."""
    geometry = recording.geometry
    if recording.truth is not None:
        truth = recording.truth.read_frame(frame)
        lateral = truth.lateral_displacement_m / geometry.pitch_m
        axial = truth.axial_displacement_m / geometry.axial_spacing_m
    else:
        pair = normalise(recording.frame(reference), recording.frame(frame), geometry)
        bulk = bulk_motion(pair, torch.device("cpu"))
        lateral, axial = bulk.lateral_lines, bulk.axial_samples
    return torch.as_tensor(np.stack([lateral, axial]), dtype=torch.float32)
