"""Where training sequences come from: the simulator, files with truth, or real recordings without."""

from dataclasses import replace
from pathlib import Path

import torch

from engine.errors import ParameterError, ReadError
from engine.readers.open import open_recording
from engine.simulation.crops import CropSettings, training_sequence
from engine.training.config import DataSettings, Difficulty, TrainingConfig, build
from engine.training.data import RawSequence, Source
from engine.training.recording import CanonicalRecording
from engine.types import RFSequence

OTHER_PHANTOMS = 100_000
"""Added to the seed of the bank of phantoms for validation, so that none is trained on."""

VALIDATION_PHANTOMS = 8


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
    """Random crops of recordings; frame 0 is the reference of those with truth, elsewhere the data table says which."""

    def __init__(self, sequences: tuple[RFSequence, ...], data: DataSettings, device: torch.device) -> None:
        self._recordings = [CanonicalRecording(sequence, prealign=data.prealign) for sequence in sequences]
        self._data = data
        self._device = device
        short = [sequence for sequence in sequences if sequence.shape[0] < data.frames]
        if short:
            raise ParameterError(f"{short[0].name}: {short[0].shape[0]} frames are fewer than the {data.frames} wanted")

    def sequence(self, generator: torch.Generator, difficulty: Difficulty) -> RawSequence:
        """Read one crop; recorded motion is what it is, whatever the difficulty."""
        recording = self._recordings[_draw(len(self._recordings), generator)]
        total = recording.shape[0]
        fixed = recording.has_truth or self._data.reference == "first"
        first = 0 if fixed else _draw(total - self._data.frames + 1, generator)
        later = torch.randperm(total - first - 1, generator=generator)[: self._data.frames - 1].sort().values
        frames = [first, *(int(index) + first + 1 for index in later)]
        raw = recording.random_crop(frames, (self._data.height, self._data.width), generator)
        return raw.to(self._device)


def training_and_validation_sources(config: TrainingConfig, device: torch.device) -> tuple[Source, Source]:
    """Open what the configuration names; files held out for validation are never trained on.

    With none held out all files serve both, and the validation says only how well they are learnt. Of `recordings`
    only the RF is used: truth that a file holds takes no part in alignment, crops, masks or the choice of weights.
    """
    data = config.data
    if data.source == "simulated":
        shape = {"height": data.height, "width": data.width, "frames": data.frames}
        clash = sorted(set(shape) & set(config.crops))
        if clash:
            raise ParameterError(f"crops: {', '.join(clash)} belongs to the data table")
        settings = build(CropSettings, {**config.crops, **shape}, "crops")
        phantoms = min(VALIDATION_PHANTOMS, settings.bank_size)
        other = replace(settings, bank_seed=settings.bank_seed + OTHER_PHANTOMS, bank_size=phantoms)
        return SimulatedSource(settings, device), SimulatedSource(other, device)
    sequences = open_folder(config.folder / data.path, needs_truth=data.source == "folder")
    if data.source == "recordings":
        sequences = tuple(replace(sequence, truth=None) for sequence in sequences)
    if len(sequences) <= data.held_out:
        raise ParameterError(f"{data.path}: {len(sequences)} recordings do not suffice to hold {data.held_out} out")
    kept = len(sequences) - data.held_out
    return FileSource(sequences[:kept], data, device), FileSource(sequences[kept:] or sequences, data, device)


def open_folder(folder: Path, *, needs_truth: bool) -> tuple[RFSequence, ...]:
    """Open every recording of a folder in the order of their names: files, or sub-folders of frames.

    What cannot be read as a recording, notes and pictures beside them, is passed over. Without any that holds two
    frames or more, the folder itself is opened as one recording.
    """
    if not folder.is_dir():
        raise ParameterError(f"{folder} is not a folder")
    found = [_open(entry) for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
    sequences = tuple(entry for entry in found if entry is not None and entry.shape[0] > 1)
    if not sequences:
        sequences = (open_recording([folder]).complete(accept_suggested=True),)
    without = [sequence.name for sequence in sequences if sequence.truth is None]
    if needs_truth and without:
        raise ParameterError(f'{without[0]} has no truth: use source = "recordings"')
    return sequences


def _open(path: Path) -> RFSequence | None:
    try:
        return open_recording([path]).complete(accept_suggested=True)
    except ReadError:
        return None


def _draw(stop: int, generator: torch.Generator) -> int:
    return int(torch.randint(stop, (), generator=generator))
