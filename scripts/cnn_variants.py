"""Variants of the end-to-end paper's strain network, trained alike: `python scripts/cnn_variants.py`.

Wu et al. 2018, table 4, asks whether pooling, depth, dilation and patch of the strain stage matter. Each variant learns
the slope of simulated displacement with noise, as `scripts/strain_cnn.py` has it, and is scored on phantoms that were
not trained on; the rows are printed as they come.
"""

import argparse
import math
import sys
from collections.abc import Callable

import torch
from torch import Tensor

from engine.networks.end_to_end_cnn import (
    AxialPooling,
    Convolution,
    EndToEndConfig,
    FullyConnected,
    PatchLayer,
    PatchNetwork,
    Pointwise,
    StrainCNN,
)
from engine.training.strain_cnn import fit_strain_network, validate


class AveragePooling(PatchLayer):
    """Mean of two neighbours along depth."""

    stride = 2

    def dense(self, x: Tensor, dilation: int) -> Tensor:
        """See PatchLayer."""
        return (x[..., :-dilation, :] + x[..., dilation:, :]) / 2


class DilatedConvolution(Convolution):
    """A convolution of every second row."""

    def dense(self, x: Tensor, dilation: int) -> Tensor:
        """See PatchLayer."""
        return super().dense(x, 2 * dilation)


class Variant(PatchNetwork):
    """Layers of a strain network in place of the paper's."""

    def __init__(self, layers: list[PatchLayer], patch: tuple[int, int] = StrainCNN.patch_shape) -> None:
        super().__init__(layers)
        self.patch_shape = patch  # type: ignore[misc]


def convolved(
    inputs: int, outputs: int, kernel: tuple[int, int], kind: type[Convolution] = Convolution
) -> list[PatchLayer]:
    """Return a convolution, its normalisation and its rectifier."""
    return [kind(inputs, outputs, kernel), Pointwise(outputs, normalise=True)]


def _average() -> PatchNetwork:
    first, second, third = convolved(1, 16, (5, 3)), convolved(16, 32, (5, 3)), convolved(32, 32, (5, 3))
    return Variant([*first, AveragePooling(), *second, AveragePooling(), *third, FullyConnected(32, (8, 3), 64)])


def _shallow() -> PatchNetwork:
    first, second = convolved(1, 16, (5, 3)), convolved(16, 32, (5, 3))
    return Variant([*first, AxialPooling(), *second, AxialPooling(), FullyConnected(32, (12, 5), 64)])


def _deep() -> PatchNetwork:
    first, second, third = convolved(1, 16, (5, 3)), convolved(16, 32, (5, 3)), convolved(32, 32, (5, 3))
    fourth, end = convolved(32, 32, (3, 3)), FullyConnected(32, (6, 1), 64)
    return Variant([*first, AxialPooling(), *second, AxialPooling(), *third, *fourth, end])


def _dilated() -> PatchNetwork:
    first, third = convolved(1, 16, (5, 3)), convolved(32, 32, (5, 3))
    second = convolved(16, 32, (5, 3), DilatedConvolution)
    return Variant([*first, AxialPooling(), *second, AxialPooling(), *third, FullyConnected(32, (6, 3), 64)])


def _five_lines() -> PatchNetwork:
    first, second, third = convolved(1, 16, (5, 3)), convolved(16, 32, (5, 3)), convolved(32, 32, (5, 1))
    end = FullyConnected(32, (8, 1), 64)
    return Variant([*first, AxialPooling(), *second, AxialPooling(), *third, end], (61, 5))


def _short() -> PatchNetwork:
    first, second, third = convolved(1, 16, (5, 3)), convolved(16, 32, (5, 3)), convolved(32, 32, (5, 3))
    end = FullyConnected(32, (3, 3), 64)
    return Variant([*first, AxialPooling(), *second, AxialPooling(), *third, end], (41, 9))


VARIANTS: dict[str, Callable[[], PatchNetwork]] = {
    "as printed: maximum, three convolutions, 61 x 9": lambda: StrainCNN(EndToEndConfig(dropout=0.0)),
    "average pooling": _average,
    "two convolutions": _shallow,
    "four convolutions": _deep,
    "dilation 2": _dilated,
    "61 x 5": _five_lines,
    "41 x 9": _short,
}


def main() -> None:
    """Train and score every variant."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=1)
    chosen = parser.parse_args()
    if min(chosen.iterations, chosen.seeds) < 1:
        parser.error("iterations and seeds are at least 1")
    for title, make in VARIANTS.items():
        errors = []
        for seed in range(1, chosen.seeds + 1):
            torch.manual_seed(seed)
            network = make()
            fit_strain_network(network, math.inf, chosen.iterations, seed)
            errors.append(validate(network.eval(), seed=1001))
        _say(f"{title}: " + ", ".join(f"{error:.4f}" for error in errors) + " % strain")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
