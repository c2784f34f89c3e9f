"""Each network learns one pair by heart, without being told the motion."""

import math

import pytest
import torch
from torch import Tensor

from engine.losses.similarity import similarity_loss
from engine.losses.smoothness import smoothness_loss
from engine.networks.base import build
from engine.numerics.warp import warp

STRAIN = -0.01
HEIGHT, WIDTH = 256, 32


def pair() -> tuple[Tensor, Tensor]:
    """Speckle of 5 MHz at 40 MHz, and the same compressed uniformly by 1 %, both (1, 1, H, W).

    Scatterers on a line give the RF of every line in closed form, so the compression is exact.
    """
    generator = torch.Generator().manual_seed(4)
    depth = torch.rand(WIDTH, 1200, generator=generator) * 1.2 * HEIGHT - 0.1 * HEIGHT
    strength = torch.randn(WIDTH, 1200, generator=generator)
    blur = torch.tensor([0.25, 0.5, 0.25])

    def image(places: Tensor) -> Tensor:
        away = torch.arange(HEIGHT)[:, None, None] - places[None]
        lines = (strength * torch.exp(-((away / 8) ** 2)) * torch.cos(2 * math.pi * away / 8)).sum(-1)
        wide = torch.nn.functional.conv1d(lines[:, None], blur[None, None], padding=1)[:, 0]
        return (wide / 15)[None, None]

    return image(depth), image(depth * (1 + STRAIN))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["usenet", "reusenet", "usse-net", "musse-net"])
def test_a_pair_is_learnt_by_heart(name: str) -> None:
    """400 steps of the unsupervised loss: dissimilarity below 0.05, mean strain within 5 %.

    The window is tall at first, since a window of one period has a minimum at each cycle skip.
    """
    torch.manual_seed(0)
    network = build(name, {"base_channels": 8})
    reference, deformed = pair()
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=400)
    for step in range(400):
        motion = network(reference, deformed[:, None])[:, 0]
        window = (64, 8) if step < 200 else (32, 8)
        loss = similarity_loss(warp(deformed, motion), reference, window) + 3 * smoothness_loss(motion)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        motion = network(reference, deformed[:, None])[:, 0]
        dissimilarity = similarity_loss(warp(deformed, motion), reference, (64, 8)).item()
    inner = motion[0, 1, 24:-24, 2:-2].mean(dim=1)
    rows = torch.arange(len(inner), dtype=torch.float32)
    slope = ((rows - rows.mean()) * (inner - inner.mean())).sum() / ((rows - rows.mean()) ** 2).sum()
    assert dissimilarity < 0.05
    assert slope.item() == pytest.approx(STRAIN, rel=0.05)
