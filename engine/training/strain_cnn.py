"""Training of the end-to-end paper's second stage: strain at the centre of a patch of noisy displacement.

Displacement fields come from the simulator's phantoms. To each is added what trackers leave: smooth noise, correlated
over about a window's length and a few lines, of an amplitude that differs from field to field. Or, as in the paper, a
trained first stage finds them in simulated RF.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from engine.errors import ParameterError, WeightsError
from engine.networks.elongation_cnn import ElongationCNN
from engine.networks.end_to_end_cnn import EndToEndConfig, PatchNetwork, StrainCNN, increments
from engine.networks.weights import WeightsCard, load, save
from engine.simulation.crops import CropSettings, training_sequence
from engine.simulation.draws import Draws
from engine.training.alignment import fit
from engine.training.schedule import WeightAverage

PERCENT = 100.0
Fields = tuple[Tensor | None, Tensor]
"""Displacement (N, 1, H, W) of a phantom's frames as it was tracked, or None where noise is added, and the true one."""
_CROPS = CropSettings(
    height=320, width=40, frames=4, min_strain=0.005, max_strain=0.06, scatterers_per_cell=1.0, bank_size=16
)
_TRACKED_CROPS = replace(
    _CROPS, scatterers_per_cell=10.0, max_strain=0.045, max_displacement_samples=24.0, max_center_hz=8e6
)
"""RF as the first stage was trained on it (`resources/training/end-to-end-cnn.toml`)."""
_BATCH, _POOL = 8, 48
_REUSE, _TRACKED_REUSE = 2, 8
_CROP_SHAPE = (112, 24)
_RATE = 1e-3
_LEAST_NOISE_SAMPLES, _MOST_NOISE_SAMPLES = 0.001, 0.03


def noisy_displacement(generator: torch.Generator, crops: CropSettings = _CROPS) -> tuple[Tensor, Tensor]:
    """Residual displacement (N, 1, H, W) in samples with noise, and its true axial slope (N, 1, H, W).

    As in use, a robust affine fit is taken away; its strain is not part of the slope.
    """
    axial = residual_displacement(generator, crops)
    return with_noise(axial, generator), torch.gradient(axial, dim=2)[0]


def residual_displacement(generator: torch.Generator, crops: CropSettings = _CROPS) -> Tensor:
    """Axial displacement (N, 1, H, W) in samples of the frames of one phantom, without its affine fit."""
    motion = training_sequence(generator, crops).motion
    return (motion - fit(motion).field(*motion.shape[-2:]))[:, 1:]


@torch.no_grad()
def tracked_displacement(
    first_stage: ElongationCNN, generator: torch.Generator, crops: CropSettings = _TRACKED_CROPS
) -> tuple[Tensor, Tensor]:
    """Axial displacement found by a first stage in simulated RF, and the true one, as `residual_displacement`."""
    made = training_sequence(generator, crops)
    bulk = fit(made.motion)
    aligned, field = bulk.align(made.rf[1:, None])
    axial = first_stage.axial(torch.cat([made.rf[:1, None].expand_as(aligned), aligned], dim=1))
    found = bulk.compose(torch.cat([torch.zeros_like(axial), axial], dim=1))
    return (found - field)[:, 1:], (made.motion - field)[:, 1:]


def with_noise(axial: Tensor, generator: torch.Generator) -> Tensor:
    """Add correlated noise of a level drawn at random to displacement (N, 1, H, W)."""
    draws = Draws(generator)
    level = draws.log_uniform(_LEAST_NOISE_SAMPLES, _MOST_NOISE_SAMPLES)
    rows, lines = 2 * draws.below(20) + 5, 2 * draws.below(3) + 1
    white = torch.randn(axial.shape, generator=generator)
    for _ in range(2):
        white = functional.avg_pool2d(
            functional.pad(white, (lines // 2, lines // 2, rows // 2, rows // 2), mode="reflect"), (rows, lines), 1
        )
    return axial + level * white / white.std()


def train_strain_cnn(
    path: Path,
    minutes: float = 10.0,
    iterations: int = 6000,
    seed: int = 1,
    report: Callable[[int, float], None] = lambda iteration, loss: None,
    first_stage: str = "",
) -> WeightsCard:
    """Train for `iterations`, or `minutes` if they end sooner, and write weights and card to `path`.

    With `first_stage`, name or path of weights of end-to-end-cnn, on what that finds in RF in place of added noise.
    Without dropout: before batch normalisation it makes strains come out too small in use.
    The loss is the mean absolute error in % strain (the paper's L1); `report` hears it every 50 iterations. Without an
    iteration or a minute it is a ParameterError.
    """
    if iterations < 1 or not minutes > 0:
        raise ParameterError(f"{iterations} iterations in {minutes:g} minutes: there is nothing to train")
    torch.manual_seed(seed)
    network = StrainCNN(EndToEndConfig(dropout=0.0))
    tracker = _first_stage(first_stage) if first_stage else None
    iteration = fit_strain_network(network, minutes, iterations, seed, report, tracker)
    fields = {
        "training": f"supervised on simulated truth, {'displacement of ' + first_stage if tracker else 'noise added'}",
        "data": "simulated RF"
        if tracker
        else f"simulated displacement fields, noise {_LEAST_NOISE_SAMPLES:g} to {_MOST_NOISE_SAMPLES:g} samples",
        "recipe": {"minutes": minutes, "iterations": iterations, "rate": _RATE, "batch": _BATCH, "dropout": 0.0},
        "seed": seed,
        "iterations": iteration,
        "samples_per_period": 0.0,
        "prealigned": False,
        "hardware": "cpu, 1 thread(s)",
        "scores": {"training-validation": {"strain_error_percent": validate(network.eval(), seed + 1000)}},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(network, fields, path)


def fit_strain_network(
    network: PatchNetwork,
    minutes: float,
    iterations: int,
    seed: int,
    report: Callable[[int, float], None] = lambda iteration, loss: None,
    tracker: ElongationCNN | None = None,
) -> int:
    """Fit a network of increments to true strain, end with its running mean, and return the iterations made.

    On added noise, or with a `tracker` on what that finds; ends and reports as `train_strain_cnn`.
    """
    network.train()
    average = WeightAverage(network, 0.995)
    optimiser = torch.optim.Adam(network.parameters(), lr=_RATE)
    started, iteration, total = time.monotonic(), 0, 0.0
    generator = torch.Generator().manual_seed(seed)
    pool: deque[Fields] = deque(maxlen=_POOL)
    while iteration < iterations:
        share = max(iteration / iterations, (time.monotonic() - started) / (60 * minutes))
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = _RATE * max(1 - share, 0.01)
        if len(pool) < _BATCH or iteration % (_TRACKED_REUSE if tracker is not None else _REUSE) == 0:
            if tracker is None:
                pool.append((None, residual_displacement(generator)))
            else:
                pool.append(tracked_displacement(tracker, generator))
            if len(pool) < _BATCH:
                continue
        total += _step(network, optimiser, list(pool), generator)
        average.update(network)
        iteration += 1
        if iteration % 50 == 0:
            report(iteration, total / 50)
            total = 0.0
    network.load_state_dict(average.weights(network))
    return iteration


def _first_stage(name: str) -> ElongationCNN:
    network, _ = load(name)
    if not isinstance(network, ElongationCNN):
        raise WeightsError(f"{name} is no first stage: it holds {type(network).__name__}, not end-to-end-cnn")
    return network


@torch.no_grad()
def validate(network: PatchNetwork, seed: int, fields: int = 12) -> float:
    """Mean absolute error in % strain over new noisy fields of phantoms that were not trained on."""
    generator = torch.Generator().manual_seed(seed)
    other = CropSettings(**{**_CROPS.as_dict(), "bank_seed": 100_000, "bank_size": 4})  # type: ignore[arg-type]
    errors = []
    for _ in range(fields):
        noisy, slope = noisy_displacement(generator, other)
        errors.append(float(_error(network(increments(noisy)), slope)))
    return sum(errors) / len(errors)


def _step(
    network: PatchNetwork, optimiser: torch.optim.Optimizer, pool: list[Fields], generator: torch.Generator
) -> float:
    """Lower the loss on crops of several phantoms at once.

    Batch normalisation must see strains and noise of many sizes together: on one phantom at a time it learns to divide
    by their size, which its running statistics cannot do in use, and strains come out too small.
    """
    noisy, slope = (torch.cat(parts) for parts in zip(*(_crop(pool, generator) for _ in range(_BATCH)), strict=True))
    optimiser.zero_grad(set_to_none=True)
    loss = _error(network(increments(noisy)), slope)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def _crop(pool: list[Fields], generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cut a crop (1, 1, h, w) of a random frame of a random phantom, as tracked or with noise, and its true slope."""
    draws = Draws(generator)
    tracked, true = pool[draws.below(len(pool))]
    frame, height, width = draws.below(len(true)), *_CROP_SHAPE
    top, left = draws.below(true.shape[2] - height), draws.below(true.shape[3] - width)
    place = (slice(frame, frame + 1), slice(None), slice(top, top + height), slice(left, left + width))
    axial = true[place]
    seen = with_noise(axial, generator) if tracked is None else tracked[place]
    return seen, torch.gradient(axial, dim=2)[0]


def _error(percent: Tensor, slope: Tensor) -> Tensor:
    """Mean |error| in % away from the border, where a patch reaches out of the field."""
    rows, lines = (size // 2 for size in StrainCNN.patch_shape)
    inner = (..., slice(rows, -rows), slice(lines, -lines))
    return (percent[inner] - PERCENT * slope[inner]).abs().mean()
