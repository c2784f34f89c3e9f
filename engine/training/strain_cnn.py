"""Training of the end-to-end paper's second stage: strain at the centre of a patch of noisy displacement.

Displacement fields come from the simulator's phantoms; no RF is tracked. To each is added what trackers leave: smooth
noise, correlated over about a window's length and a few lines, of an amplitude that differs from field to field.
"""

import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from engine.networks.end_to_end_cnn import EndToEndConfig, StrainCNN, increments
from engine.networks.weights import WeightsCard, save
from engine.simulation.crops import CropSettings, training_sequence
from engine.simulation.draws import Draws
from engine.training.alignment import fit
from engine.training.schedule import WeightAverage

PERCENT = 100.0
_CROPS = CropSettings(
    height=320, width=40, frames=4, min_strain=0.005, max_strain=0.06, scatterers_per_cell=1.0, bank_size=16
)
_LEAST_NOISE_SAMPLES, _MOST_NOISE_SAMPLES = 0.002, 0.1


def noisy_displacement(generator: torch.Generator, crops: CropSettings = _CROPS) -> tuple[Tensor, Tensor]:
    """Residual displacement (N, 1, H, W) in samples with noise, and its true axial slope (N, 1, H, W).

    As in use, a robust affine fit is taken away; its strain is not part of the slope.
    """
    motion = training_sequence(generator, crops).motion
    bulk = fit(motion)
    axial = (motion - bulk.field(*motion.shape[-2:]))[:, 1:]
    slope = torch.gradient(axial, dim=2)[0]
    draws = Draws(generator)
    level = draws.log_uniform(_LEAST_NOISE_SAMPLES, _MOST_NOISE_SAMPLES)
    rows, lines = 2 * draws.below(20) + 5, 2 * draws.below(3) + 1
    white = torch.randn(axial.shape, generator=generator)
    for _ in range(2):
        white = functional.avg_pool2d(
            functional.pad(white, (lines // 2, lines // 2, rows // 2, rows // 2), mode="reflect"), (rows, lines), 1
        )
    return axial + level * white / white.std(), slope


def train_strain_cnn(
    path: Path,
    minutes: float = 8.0,
    iterations: int = 3000,
    seed: int = 1,
    report: Callable[[int, float], None] = lambda iteration, loss: None,
) -> WeightsCard:
    """Train for `iterations`, or `minutes` if they end sooner, and write weights and card to `path`.

    The loss is the mean absolute error in % strain (the paper's L1); `report` hears it every 50 iterations.
    """
    torch.manual_seed(seed)
    network = StrainCNN(EndToEndConfig()).train()
    average = WeightAverage(network, 0.995)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    started, iteration, total = time.monotonic(), 0, 0.0
    generator = torch.Generator().manual_seed(seed)
    while iteration < iterations:
        share = max(iteration / iterations, (time.monotonic() - started) / (60 * minutes))
        if share >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * max(1 - share, 0.01)
        total += _step(network, optimiser, generator)
        average.update(network)
        iteration += 1
        if iteration % 50 == 0:
            report(iteration, total / 50)
            total = 0.0
    network.load_state_dict(average.weights(network))
    fields = {
        "training": "supervised on simulated truth with added correlated noise",
        "data": f"simulated displacement fields, noise {_LEAST_NOISE_SAMPLES:g} to {_MOST_NOISE_SAMPLES:g} samples",
        "seed": seed,
        "iterations": iteration,
        "samples_per_period": 0.0,
        "prealigned": False,
        "hardware": "cpu, 1 thread(s)",
        "scores": {"training-validation": {"strain_error_percent": validate(network.eval(), seed + 1000)}},
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    return save(network, fields, path)


@torch.no_grad()
def validate(network: StrainCNN, seed: int, fields: int = 12) -> float:
    """Mean absolute error in % strain over new noisy fields of phantoms that were not trained on."""
    generator = torch.Generator().manual_seed(seed)
    other = CropSettings(**{**_CROPS.as_dict(), "bank_seed": 100_000, "bank_size": 4})  # type: ignore[arg-type]
    errors = []
    for _ in range(fields):
        noisy, slope = noisy_displacement(generator, other)
        errors.append(float(_error(network(increments(noisy)), slope)))
    return sum(errors) / len(errors)


def _step(network: StrainCNN, optimiser: torch.optim.Optimizer, generator: torch.Generator) -> float:
    noisy, slope = noisy_displacement(generator)
    top = int(torch.randint(noisy.shape[2] - 191, (), generator=generator))
    rows = slice(top, top + 192)
    optimiser.zero_grad(set_to_none=True)
    loss = _error(network(increments(noisy[:, :, rows])), slope[:, :, rows])
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


def _error(percent: Tensor, slope: Tensor) -> Tensor:
    """Mean |error| in % away from the border, where a patch reaches out of the field."""
    rows, lines = (size // 2 for size in StrainCNN.patch_shape)
    inner = (..., slice(rows, -rows), slice(lines, -lines))
    return (percent[inner] - PERCENT * slope[inner]).abs().mean()
