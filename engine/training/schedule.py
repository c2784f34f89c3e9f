"""The optimiser with its learning rate: warm-up, then plateau, cosine or constant, anew in each phase."""

import math
from typing import Any

import torch
from torch import nn

from engine.training.config import OptimiserSettings, Phase


class Schedule:
    """Learning rate of each iteration; on a plateau of the validation score it is multiplied by `factor`."""

    def __init__(self, settings: OptimiserSettings) -> None:
        self._settings = settings
        self._phase = -1
        self._scale = 1.0
        self._best = math.inf
        self._stalled = 0

    def rate(self, number: int, phase: Phase, within: int) -> float:
        """Learning rate of iteration `within` of a phase; a new phase starts afresh."""
        if number != self._phase:
            self._phase, self._scale, self._best, self._stalled = number, 1.0, math.inf, 0
        peak, settings = phase.learning_rate, self._settings
        rise = min(1.0, (within + 1) / (settings.warm_up + 1))
        if settings.schedule == "cosine":
            share = 0.5 * (1 + math.cos(math.pi * within / phase.iterations))
            last = phase.final_rate or settings.minimum_rate
            return rise * (last + (peak - last) * share)
        return rise * max(peak * self._scale, min(settings.minimum_rate, peak))

    def validated(self, score: float) -> None:
        """Take note of a validation score (less is better)."""
        if score < self._best * (1 - 1e-4):
            self._best, self._stalled = score, 0
            return
        self._stalled += 1
        if self._settings.schedule == "plateau" and self._stalled > self._settings.patience:
            self._scale, self._stalled = self._scale * self._settings.factor, 0

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        best = None if math.isinf(self._best) else self._best
        return {"phase": self._phase, "scale": self._scale, "best": best, "stalled": self._stalled}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self._phase, self._scale, self._stalled = state["phase"], state["scale"], state["stalled"]
        self._best = math.inf if state["best"] is None else state["best"]


class WeightAverage:
    """Running mean of a network's weights, which validates and exports better than the last ones; decay 0: none."""

    def __init__(self, network: nn.Module, decay: float) -> None:
        self._decay = decay
        self._updates = 0
        self._mean = {name: value.detach().clone() for name, value in network.state_dict().items()} if decay else {}

    def update(self, network: nn.Module) -> None:
        """Move towards the present weights, faster at the start."""
        self._updates += 1
        decay = min(self._decay, (1 + self._updates) / (10 + self._updates))
        current = network.state_dict()
        counts = [name for name in self._mean if not self._mean[name].is_floating_point()]
        means = [name for name in self._mean if self._mean[name].is_floating_point()]
        for name in counts:
            self._mean[name].copy_(current[name])
        if means:
            with torch.no_grad():
                torch._foreach_lerp_([self._mean[name] for name in means], [current[name] for name in means], 1 - decay)

    def weights(self, network: nn.Module) -> dict[str, torch.Tensor]:
        """Return the weights to validate and to export."""
        return dict(self._mean) if self._mean else network.state_dict()

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"updates": self._updates, "mean": self._mean}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        self._updates = state["updates"]
        for name, mean in self._mean.items():
            mean.copy_(state["mean"][name])
