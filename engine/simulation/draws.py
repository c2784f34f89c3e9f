"""Random scalars from a torch generator, so that one generator decides everything about a simulated sequence."""

import math

import torch


class Draws:
    """Scalars drawn from a generator, in the order in which they are asked for."""

    def __init__(self, generator: torch.Generator) -> None:
        self._generator = generator

    def uniform(self, low: float, high: float) -> float:
        """Evenly between two values."""
        value = torch.rand((), generator=self._generator, device=self._generator.device, dtype=torch.float64)
        return low + (high - low) * float(value)

    def log_uniform(self, low: float, high: float) -> float:
        """Evenly in the logarithm between two positive values."""
        return math.exp(self.uniform(math.log(low), math.log(high)))

    def chance(self, probability: float) -> bool:
        """Return True with a probability."""
        return self.uniform(0.0, 1.0) < probability

    def below(self, count: int) -> int:
        """Whole number from 0 to count - 1."""
        return int(torch.randint(0, count, (), generator=self._generator, device=self._generator.device))

    def distinct(self, wanted: int, count: int) -> list[int]:
        """Draw `wanted` different whole numbers below `count`, sorted."""
        order = torch.randperm(count, generator=self._generator, device=self._generator.device)
        return sorted(order[:wanted].tolist())
