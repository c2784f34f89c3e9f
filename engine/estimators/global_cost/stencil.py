"""Blocks that couple the two channels of knots with each other and with the knot below, multiplied in few passes.

Knots are numbered line by line of memory, so that a neighbour is a fixed distance away and a pass runs over all of
them at once. Each coupling is kept at the earlier of its two knots.
"""

from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Stencil:
    """A symmetric operator on fields of a width: couplings by distance in memory.

    Those within a channel are (..., 2, K * W - distance), those between the channels (..., 1, K * W - distance).
    """

    width: int
    _couplings: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def couple(self, rows: int, blocks: Tensor) -> None:
        """Couple knots with those some rows below by components (lateral lateral, lateral axial, axial axial).

        They are (..., 3, K - rows, W).
        """
        flat = blocks.flatten(-2)
        self._couplings[rows * self.width] = flat[..., ::2, :].contiguous(), flat[..., 1:2, :].contiguous()

    def apply(self, values: Tensor) -> Tensor:
        """Multiply with a field (..., 2, K, W)."""
        flat = values.flatten(-2)
        other, result = flat.flip(-2), self._couplings[0][0] * flat
        for distance, couplings in self._couplings.items():
            for weight, source in zip(couplings, (flat, other), strict=True):
                size = weight.shape[-1]
                if distance:
                    result[..., :size].addcmul_(weight, source[..., distance:])
                    result[..., distance:].addcmul_(weight, source[..., :size])
                elif source is other:
                    result.addcmul_(weight, source)
        return result.view(values.shape)
