"""Adaptation: fine-tune a network on one recording, without truth, for a bounded time.

The unsupervised loss of training is lowered on random crops of the recording. Some deformed frames are held out; the
weights that fit those best are kept, which are the original ones where nothing helps. The original file stays as it
is, and the card of the adapted weights says what they are.
"""

import math
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from engine.errors import CancelledError, MethodError, ParameterError
from engine.losses.total import LossSettings, training_loss
from engine.networks import weights
from engine.networks.base import DisplacementNetwork
from engine.networks.musse_net import MUSSENet
from engine.networks.weights import WeightsCard
from engine.parameters import Parameters, parameter
from engine.training.config import DataSettings, Difficulty
from engine.training.data import Batch, prepare, seeded
from engine.training.recording import CanonicalRecording
from engine.types import RFSequence

SMALLEST_CROP = 64


@dataclass(frozen=True)
class AdaptSettings(Parameters):
    """How to adapt; the loss is the paper's, with a taller similarity window that cannot lock on to a wrong cycle."""

    learning_rate: float = parameter(1e-4, minimum=1e-7, maximum=1e-1, help="Learning rate of Adam")
    height: int = parameter(512, unit="samples", minimum=SMALLEST_CROP, help="Height of a crop on the network's grid")
    width: int = parameter(64, unit="lines", minimum=16, help="Width of a crop")
    frames: int = parameter(3, minimum=1, maximum=16, help="Deformed frames in one step")
    reference: int = parameter(0, minimum=0, help="Reference frame")
    check_every: int = parameter(10, unit="steps", minimum=1, help="Steps between two looks at the held-out frames")
    patience: int = parameter(6, unit="looks", minimum=1, help="Looks without gain after which to stop")
    similarity_rows: int = parameter(24, unit="samples", minimum=2, help="Height of a similarity patch")
    smoothness: float = parameter(0.3, minimum=0.0, help="Weight of second differences of the motion")
    consistency: float = parameter(0.2, minimum=0.0, help="Weight of the agreement of successive strain maps")
    seed: int = parameter(1, minimum=0, help="Number from which all randomness follows")

    @property
    def loss(self) -> LossSettings:
        """The loss that is lowered."""
        return LossSettings(
            similarity_rows=self.similarity_rows, smoothness=self.smoothness, consistency=self.consistency
        )


@dataclass(frozen=True)
class Adapted:
    """The outcome: network and card, ready to be saved; the held-out loss before and after, and the steps done."""

    network: DisplacementNetwork
    card: WeightsCard
    loss_before: float
    loss_after: float
    steps: int
    seconds: float

    @property
    def improved(self) -> bool:
        """Whether the weights differ from the original ones."""
        return self.loss_after < self.loss_before

    def save(self, path: Path) -> WeightsCard:
        """Write weights and card; weights in the box are never overwritten."""
        if path.suffix != ".safetensors":
            raise ParameterError(f"{path.name}: adapted weights are a .safetensors file")
        if path.resolve().parent == weights.folder().resolve():
            raise ParameterError(f"{path.name}: the weights in the box stay as they are; choose another folder")
        described = {
            "training": (
                f"adapted without truth to one recording, {self.steps} steps from {self.card.name}: "
                f"held-out loss {self.loss_before:.4f} to {self.loss_after:.4f}"
            ),
            "samples_per_period": self.card.samples_per_period,
            "pitch_m": self.card.pitch_m,
            "prealigned": self.card.prealigned,
            "iterations": self.steps,
            "data": "the user's recording",
            "licence": self.card.licence,
        }
        return weights.save(self.network, described, path)


def adapt(
    sequence: RFSequence,
    method: str,
    settings: AdaptSettings,
    minutes: float,
    device: torch.device,
    progress: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Adapted:
    """Fine-tune the weights of a network on one recording, without truth.

    Parameters
    ----------
    sequence
        Recording of the reference and at least three more frames, of which every fourth is held out, at least one.
    method
        Name of the method whose weights are taken.
    settings
        Loss, learning rate and crops.
    minutes
        The longest it may take.
    device
        Where to compute.
    progress
        Called as `progress(done, total)`, in seconds.
    cancelled
        Asked before every step.

    Returns
    -------
    Adapted
        The network with its loss on the held-out frames before and after; `save(path)` writes its weights.

    Raises
    ------
    ParameterError
        The method has no network of its own, or the recording has too few frames.
    CancelledError
        `cancelled()` was true; nothing is left behind.

    >>> adapt(sequence, "usse-net", AdaptSettings(), 3, device).save(Path("arm.safetensors"))  # doctest: +SKIP
    """
    network, card = _network(method)
    recording = CanonicalRecording(sequence, card.samples_per_period, card.pitch_m)
    training, held_out = _split(sequence, settings.reference)
    shape = _crop_shape(recording, settings)
    tuner = _Tuner(network.to(device), settings, device)
    looks = [_batch(recording, settings, held_out, shape, device, "held out", number) for number in range(4)]
    started, limit = time.monotonic(), 60 * minutes
    before = best = tuner.loss(looks)
    kept, stalled, step = deepcopy(network.state_dict()), 0, 0
    while time.monotonic() - started < limit and stalled < settings.patience:
        if cancelled():
            raise CancelledError("cancelled")
        tuner.step(_batch(recording, settings, training, shape, device, "training", step))
        step += 1
        if step % settings.check_every == 0:
            now = tuner.loss(looks)
            stalled = 0 if now < best else stalled + 1
            if now < best:
                best, kept = now, deepcopy(network.state_dict())
        progress(min(round(time.monotonic() - started), math.ceil(limit)), math.ceil(limit))
    network.load_state_dict(kept)
    progress(math.ceil(limit), math.ceil(limit))
    return Adapted(network.eval(), card, before, best, step, time.monotonic() - started)


class _Tuner:
    """The network with its optimiser."""

    def __init__(self, network: DisplacementNetwork, settings: AdaptSettings, device: torch.device) -> None:
        if isinstance(network, MUSSENet):
            network.train_stage(len(network.stages))
        self.network, self.settings, self.device = network, settings, device
        self.trained = [values for values in network.parameters() if values.requires_grad]
        self.optimiser = torch.optim.Adam(self.trained, lr=settings.learning_rate)

    def step(self, batch: Batch) -> None:
        """Lower the loss on one batch; a step whose gradient is not finite is left out."""
        self.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(self._loss(batch))
        if math.isfinite(float(nn.utils.clip_grad_norm_(self.trained, 1.0))):
            self.optimiser.step()

    def loss(self, batches: list[Batch]) -> float:
        """Mean loss of batches."""
        with torch.no_grad():
            return sum(float(self._loss(batch)) for batch in batches) / len(batches)

    def _loss(self, batch: Batch) -> torch.Tensor:
        motion = self.network(batch.reference, batch.deformed)
        return training_loss(self.settings.loss, motion, batch.reference, batch.deformed, valid=batch.valid).total


def _network(method: str) -> tuple[DisplacementNetwork, WeightsCard]:
    module, card = weights.load(method)
    if not isinstance(module, DisplacementNetwork):
        raise MethodError(f"{method} is not a displacement network and cannot be adapted")
    return module, card


def _split(sequence: RFSequence, reference: int) -> tuple[list[int], list[int]]:
    """Deformed frames to train on and to hold out, beside the reference, in both."""
    total = sequence.shape[0]
    if not 0 <= reference < total:
        raise ParameterError(f"reference frame {reference} does not exist, there are {total}")
    deformed = [frame for frame in range(total) if frame != reference]
    if len(deformed) < 3:
        raise ParameterError(f"{sequence.name} has {total} frames: adaptation needs at least 4, to hold one out")
    held_out = deformed[2::4]
    return [frame for frame in deformed if frame not in held_out], held_out


def _crop_shape(recording: CanonicalRecording, settings: AdaptSettings) -> tuple[int, int]:
    _, height, width = recording.shape
    window = LossSettings().strain_window
    if height <= window or width < 16:
        raise ParameterError(f"{recording.sequence.name}: frames of {height} x {width} are too small to adapt to")
    return min(settings.height, height), min(settings.width, width)


def _batch(
    recording: CanonicalRecording,
    settings: AdaptSettings,
    frames: list[int],
    shape: tuple[int, int],
    device: torch.device,
    role: str,
    number: int,
) -> Batch:
    """Cut a random crop out of the reference and some of the frames, in the order of the recording."""
    generator = seeded(settings.seed, role, 0, number)
    chosen = torch.randperm(len(frames), generator=generator)[: settings.frames].tolist()
    deformed = sorted((frames[index] for index in chosen), key=lambda frame: abs(frame - settings.reference))
    raw = recording.random_crop([settings.reference, *deformed], shape, generator)
    return prepare(raw.to(device), Difficulty(0.0, 0.0, 0.0, 0.0), generator, DataSettings())
