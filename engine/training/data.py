"""Training batches, each a pure function of the iteration's number, so that a run can resume anywhere exactly.

A pool of sequences is in use at a time; each is used `reuse` times, in random order, every time mirrored, scaled and
misaligned anew. Where the sequences come from is a `Source`.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from engine.networks.layers.equalisation import equalise
from engine.numerics.warp import inside
from engine.training.alignment import Affine, fit, spoil, still
from engine.training.config import DataSettings, Difficulty, TrainingConfig
from engine.types import Geometry

NORMALISING_QUANTILE = 0.999


@dataclass(frozen=True)
class RawSequence:
    """One crop of a recording: `rf` (T, H, W), frame 0 the reference.

    `motion` (T - 1, 2, H, W) is the true motion in lines and samples, or None; then `bulk` says where to start.
    """

    rf: Tensor
    geometry: Geometry
    motion: Tensor | None = None
    bulk: Affine | None = None

    def to(self, device: torch.device) -> "RawSequence":
        """Return the same on a device."""
        motion = None if self.motion is None else self.motion.to(device)
        bulk = None if self.bulk is None else Affine(self.bulk.offset.to(device), self.bulk.slope.to(device))
        return RawSequence(self.rf.to(device), self.geometry, motion, bulk)


class Source(Protocol):
    """Where sequences come from."""

    def sequence(self, generator: torch.Generator, difficulty: Difficulty) -> RawSequence:
        """Make or read one sequence, chosen by the generator alone."""


@dataclass(frozen=True)
class Batch:
    """What one iteration sees: B sequences of one reference and T deformed frames, the bulk motion removed.

    `reference` (B, 1, H, W), `deformed` (B, T, 1, H, W) aligned by `bulk` (B T frames); `residual` (B, T, 2, H, W) is
    the true motion that is left and `total` the whole, or None; `valid` (B, T, 1, H, W) marks pixels whose motion
    stays inside the frame.
    """

    reference: Tensor
    deformed: Tensor
    bulk: Affine
    valid: Tensor
    residual: Tensor | None
    total: Tensor | None
    geometry: tuple[Geometry, ...]


class Stream:
    """Batches of one process of a run."""

    def __init__(self, config: TrainingConfig, source: Source, device: torch.device, rank: int = 0) -> None:
        self._config = config
        self._source = source
        self._device = device
        self._rank = rank
        self._pool: OrderedDict[int, RawSequence] = OrderedDict()

    def batch(self, iteration: int) -> Batch:
        """Return the batch of one iteration."""
        data = self._config.data
        difficulty = self._config.difficulty_at(iteration)
        prepared = []
        for use in range(iteration * data.batch, (iteration + 1) * data.batch):
            generator = seeded(self._config.run.seed, "use", self._rank, use)
            raw = cut(self._sequence(self._number(use)), self._config.crop_at(iteration), generator)
            raw = varied(raw, data, generator)
            prepared.append(prepare(raw, difficulty, generator, data))
        return collate(prepared)

    def batches(self, first: int, last: int) -> Iterator[Batch]:
        """Yield the batches of iterations `first` to `last` (exclusive), made ahead by threads if so configured."""
        ahead = self._config.data.prefetch
        if not ahead:
            yield from map(self.batch, range(first, last))
            return
        with ThreadPoolExecutor(1) as executor:
            waiting: list[Future[Batch]] = []
            try:
                for iteration in range(first, last + ahead):
                    if iteration < last:
                        waiting.append(executor.submit(self.batch, iteration))
                    if iteration >= first + ahead:
                        yield waiting.pop(0).result()
            finally:
                for future in waiting:
                    future.cancel()

    def _number(self, use: int) -> int:
        """Which sequence the use-th item is: each of a block's sequences `reuse` times, in random order."""
        data = self._config.data
        block, within = divmod(use, data.pool * data.reuse)
        if data.reuse == 1:
            return use
        order = torch.randperm(
            data.pool * data.reuse, generator=seeded(self._config.run.seed, "order", self._rank, block)
        )
        return block * data.pool + int(order[within]) % data.pool

    def _sequence(self, number: int) -> RawSequence:
        if number not in self._pool:
            data = self._config.data
            first_use = number // data.pool * data.pool * data.reuse
            difficulty = self._config.difficulty_at(first_use // data.batch)
            generator = seeded(self._config.run.seed, "sequence", self._rank, number)
            self._pool[number] = self._source.sequence(generator, difficulty)
            while len(self._pool) > 2 * data.pool:
                self._pool.popitem(last=False)
        return self._pool[number]


def seeded(seed: int, role: str, rank: int, number: int) -> torch.Generator:
    """Make a generator whose numbers depend on these four values alone."""
    digest = hashlib.sha256(f"{seed}/{role}/{rank}/{number}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


def cut(raw: RawSequence, shape: tuple[int, int], generator: torch.Generator) -> RawSequence:
    """Cut a random smaller crop; that of a deformed frame moves by whole samples with the motion, to lose little."""
    frames, total_height, total_width = raw.rf.shape
    height, width = shape
    if (height, width) == (total_height, total_width):
        return raw
    if raw.motion is None:
        raise ValueError("only sequences with true motion can be cut")
    row = int(torch.randint(total_height - height + 1, (), generator=generator))
    line = int(torch.randint(total_width - width + 1, (), generator=generator))
    rows, lines = slice(row, row + height), slice(line, line + width)
    motion = raw.motion[:, :, rows, lines].clone()
    crops = [raw.rf[0, rows, lines]]
    for index in range(frames - 1):
        offset = round(float(motion[index, 1].median()))
        offset = min(max(offset, -row), total_height - height - row)
        crops.append(raw.rf[index + 1, row + offset : row + offset + height, lines])
        motion[index, 1] -= offset
    return RawSequence(torch.stack(crops), raw.geometry, motion)


def varied(raw: RawSequence, data: DataSettings, generator: torch.Generator) -> RawSequence:
    """Mirror, flip the sign, change gain and add noise at random: what a network must not depend on."""
    rf, motion, bulk = raw.rf, raw.motion, raw.bulk
    frames = rf.shape[0]
    draws = torch.rand(2 + frames, generator=generator).tolist()
    if data.mirror and draws[0] < 0.5:
        rf = rf.flip(-1)
        sign = torch.tensor([-1.0, 1.0], device=rf.device)
        motion = None if motion is None else motion.flip(-1) * sign[:, None, None]
        bulk = None if bulk is None else Affine(bulk.offset * sign, bulk.slope * torch.outer(sign, sign))
    gains = 1 + data.gain * (2 * torch.tensor(draws[2:]) - 1)
    gains[0] = -1.0 if data.mirror and draws[1] < 0.5 else 1.0
    gains[1:] *= gains[0]
    rf = rf * gains.to(rf)[:, None, None]
    if data.noise > 0:
        level = data.noise * float(torch.rand((), generator=generator)) * rf[0].std()
        rf = rf + level * torch.randn(rf.shape, generator=generator).to(rf)
    return RawSequence(rf, raw.geometry, motion, bulk)


def prepare(raw: RawSequence, difficulty: Difficulty, generator: torch.Generator, data: DataSettings) -> Batch:
    """Equalise or scale the RF, remove an imperfect bulk motion, and solve for what is left; a batch of one.

    Without `prealign` the bulk motion of simulated sequences stays, and the network has all of it to find.
    """
    rf = equalise(raw.rf) if data.equalise else raw.rf / peak(raw.rf[0])
    if raw.motion is None and raw.bulk is None:
        raise ValueError("a sequence needs its true motion or a bulk motion")
    if raw.motion is None:
        assert raw.bulk is not None
        bulk = spoil(raw.bulk, difficulty, generator)
    elif data.prealign:
        bulk = spoil(fit(raw.motion), difficulty, generator)
    else:
        bulk = still(raw.motion)
    aligned, motion = bulk.align(rf[1:, None])
    valid = inside(motion)
    residual = None
    if raw.motion is not None:
        residual = bulk.residual(raw.motion)
        valid = valid & inside(raw.motion)
    return Batch(
        reference=rf[None, :1],
        deformed=aligned[None],
        bulk=bulk,
        valid=valid[None],
        residual=None if residual is None else residual[None],
        total=None if raw.motion is None else raw.motion[None],
        geometry=(raw.geometry,),
    )


def collate(items: list[Batch]) -> Batch:
    """Join batches of equal shape along B."""
    if len(items) == 1:
        return items[0]
    residuals = [item.residual for item in items if item.residual is not None]
    totals = [item.total for item in items if item.total is not None]
    return Batch(
        reference=torch.cat([item.reference for item in items]),
        deformed=torch.cat([item.deformed for item in items]),
        bulk=Affine(torch.cat([item.bulk.offset for item in items]), torch.cat([item.bulk.slope for item in items])),
        valid=torch.cat([item.valid for item in items]),
        residual=torch.cat(residuals) if len(residuals) == len(items) else None,
        total=torch.cat(totals) if len(totals) == len(items) else None,
        geometry=tuple(geometry for item in items for geometry in item.geometry),
    )


def peak(reference: Tensor) -> Tensor:
    """99.9th percentile of |RF|, by which both frames of a pair are divided."""
    values = reference.abs().flatten()
    rank = max(1, round(NORMALISING_QUANTILE * values.numel()))
    return values.kthvalue(rank).values.clamp_min(torch.finfo(values.dtype).tiny)
