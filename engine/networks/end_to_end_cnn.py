"""The two-stage patch network of the end-to-end paper (`DisplacementCNN`, then `StrainCNN`), in patch and dense form.

Both map a patch around a pixel to one number at its centre. Trained on patches, they run *densely*: every layer once
over the whole frame, pooling with stride 1 and every later kernel dilated by 2 per pooling passed, which gives the
same outputs for 1/25 of the operations. Kernel sizes and widths are not printed in the paper; ours are in the code.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

PATCH_LINES = 9
DISPLACEMENT_PATCH_SAMPLES = 71
STRAIN_PATCH_SAMPLES = 61
INCREMENT_SAMPLES = 8


@dataclass(frozen=True)
class EndToEndConfig:
    """`locally_connected` is the paper's reading: a layer with own weights at each of its seven axial positions.

    Without it that layer is an ordinary convolution, which costs a seventh and does not depend on the position.
    """

    locally_connected: bool = False
    dropout: float = 0.1


class PatchNetwork(nn.Module):
    """A stack of layers that runs on patches (N, C, h, w) -> (N, 1) or densely (B, C, H, W) -> (B, 1, H, W)."""

    patch_shape: ClassVar[tuple[int, int]]

    def __init__(self, layers: list["PatchLayer"]) -> None:
        super().__init__()
        self._order = tuple(layers)
        self.layers = nn.ModuleList(layers)

    def patches(self, x: Tensor) -> Tensor:
        """Value at the centre of each patch, (N, 1)."""
        for layer in self._order:
            x = layer.patch(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """Value at each pixel, (B, 1, H, W); the frame is continued at its edges by replication.

        Pooling drops an odd last row of a patch, so a few rows computed past the last patch are cut off.
        """
        height = x.shape[-2]
        rows, lines = (size // 2 for size in self.patch_shape)
        x = functional.pad(x, (lines, lines, rows, rows), mode="replicate")
        dilation = 1
        for layer in self._order:
            x = layer.dense(x, dilation)
            dilation *= layer.stride
        return x[..., :height, :]


class DisplacementCNN(PatchNetwork):
    """Residual axial displacement in samples from both frames' patches, (N, 2, 71, 9).

    171,777 parameters with `locally_connected`.
    """

    Config: ClassVar[type[EndToEndConfig]] = EndToEndConfig
    patch_shape = (DISPLACEMENT_PATCH_SAMPLES, PATCH_LINES)

    def __init__(self, config: EndToEndConfig) -> None:
        self_connected = (
            LocallyConnected(64, 64, 3, positions=7) if config.locally_connected else Convolution(64, 64, (3, 1))
        )
        super().__init__(
            [
                Convolution(2, 16, (5, 3), groups=2, bias=True),
                Pointwise(16),
                Convolution(16, 32, (5, 3)),
                Pointwise(32, dropout=config.dropout),
                AxialPooling(),
                Convolution(32, 32, (5, 3)),
                Pointwise(32, normalise=True),
                AxialPooling(),
                Convolution(32, 64, (3, 3)),
                Pointwise(64, normalise=True, dropout=config.dropout),
                Convolution(64, 64, (3, 1)),
                Pointwise(64, normalise=True),
                self_connected,
                Pointwise(64, normalise=True, dropout=config.dropout),
                FullyConnected(64, (7, 1), 64, positions=7 if config.locally_connected else 1),
            ]
        )


class StrainCNN(PatchNetwork):
    """Residual axial strain in % from a patch of the residual displacement's `increments`, (N, 1, 61, 9).

    The paper gives it the displacement itself, whose offset, large beside what a strain adds in one patch, carries
    nothing: trained so for 940 steps it hardly did better than answering zero.
    """

    Config: ClassVar[type[EndToEndConfig]] = EndToEndConfig
    patch_shape = (STRAIN_PATCH_SAMPLES, PATCH_LINES)

    def __init__(self, config: EndToEndConfig) -> None:
        super().__init__(
            [
                Convolution(1, 16, (5, 3), bias=True),
                Pointwise(16, normalise=True),
                AxialPooling(),
                Convolution(16, 32, (5, 3)),
                Pointwise(32, normalise=True, dropout=config.dropout),
                AxialPooling(),
                Convolution(32, 32, (5, 3)),
                Pointwise(32, normalise=True, dropout=config.dropout),
                FullyConnected(32, (8, 3), 64),
            ]
        )


def increments(displacement: Tensor) -> Tensor:
    """Change of displacement (B, 1, H, W) over 8 samples, in % strain; the outer rows repeat their neighbours."""
    half = INCREMENT_SAMPLES // 2
    change = (displacement[..., 2 * half :, :] - displacement[..., : -2 * half, :]) * (100.0 / INCREMENT_SAMPLES)
    return functional.pad(change, (0, 0, half, half), mode="replicate")


class PatchLayer(nn.Module):
    """One layer in both forms; `stride` is how much coarser its output is along depth."""

    stride: int = 1

    def patch(self, x: Tensor) -> Tensor:
        """Run on patches; the ordinary, strided form."""
        raise NotImplementedError

    def dense(self, x: Tensor, dilation: int) -> Tensor:
        """Run on a frame whose rows are `dilation` times finer than this layer's patch rows."""
        raise NotImplementedError


class Convolution(PatchLayer):
    """Valid convolution, (axial, lateral) kernel."""

    def __init__(
        self, inputs: int, outputs: int, kernel: tuple[int, int], *, groups: int = 1, bias: bool = False
    ) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, kernel, groups=groups, bias=bias)

    def patch(self, x: Tensor) -> Tensor:
        """See PatchLayer."""
        return self.dense(x, 1)

    def dense(self, x: Tensor, dilation: int) -> Tensor:
        """See PatchLayer."""
        layer = self.convolution
        return functional.conv2d(x, layer.weight, layer.bias, dilation=(dilation, 1), groups=layer.groups)


class AxialPooling(PatchLayer):
    """Maximum of two neighbours along depth."""

    stride = 2

    def patch(self, x: Tensor) -> Tensor:
        """See PatchLayer."""
        return functional.max_pool2d(x, (2, 1))

    def dense(self, x: Tensor, dilation: int) -> Tensor:
        """See PatchLayer."""
        return torch.maximum(x[..., :-dilation, :], x[..., dilation:, :])


class Pointwise(PatchLayer):
    """Optional batch normalisation with running statistics (here batches are patches), ReLU, optional dropout.

    Channels may come as several groups side by side (the dense form of a locally connected layer).
    """

    def __init__(self, channels: int, *, normalise: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.channels = channels
        self.normalise = nn.BatchNorm2d(channels) if normalise else None
        self.dropout = nn.Dropout(dropout)

    def patch(self, x: Tensor) -> Tensor:
        """See PatchLayer."""
        return self.dense(x, 1)

    def dense(self, x: Tensor, dilation: int) -> Tensor:
        """See PatchLayer."""
        if self.normalise is not None:
            groups = x.reshape(-1, self.channels, *x.shape[-2:])
            x = self.normalise(groups).reshape(x.shape)
        result: Tensor = self.dropout(functional.relu(x))
        return result


class LocallyConnected(PatchLayer):
    """Axial convolution with own weights at each position of the patch; densely, all positions side by side."""

    def __init__(self, inputs: int, outputs: int, kernel: int, positions: int) -> None:
        super().__init__()
        self.positions = positions
        self.convolution = nn.Conv2d(inputs, outputs * positions, (kernel, 1))

    def patch(self, x: Tensor) -> Tensor:
        """See PatchLayer."""
        everywhere = self.convolution(x)  # (N, positions C, positions, w)
        groups = everywhere.reshape(x.shape[0], self.positions, -1, *everywhere.shape[2:])
        return torch.stack([groups[:, p, :, p] for p in range(self.positions)], dim=2)

    def dense(self, x: Tensor, dilation: int) -> Tensor:
        """See PatchLayer."""
        return functional.conv2d(x, self.convolution.weight, self.convolution.bias, dilation=(dilation, 1))


class FullyConnected(PatchLayer):
    """Flatten and three fully connected layers to one number: 64, 32, 1."""

    def __init__(self, channels: int, extent: tuple[int, int], hidden: int, positions: int = 1) -> None:
        super().__init__()
        self.extent, self.positions = extent, positions
        self.first = nn.Conv2d(channels, hidden, extent)
        self.second = nn.Conv2d(hidden, 32, 1)
        self.third = nn.Conv2d(32, 1, 1)

    def patch(self, x: Tensor) -> Tensor:
        """See PatchLayer."""
        return self._rest(self.first(x)).flatten(1)

    def dense(self, x: Tensor, dilation: int) -> Tensor:
        """See PatchLayer."""
        if self.positions == 1:
            return self._rest(functional.conv2d(x, self.first.weight, self.first.bias, dilation=(dilation, 1)))
        rows = x.shape[-2] - dilation * (self.positions - 1)
        groups = x.reshape(x.shape[0], self.positions, -1, *x.shape[2:])
        shifted = [groups[:, p, :, dilation * p : dilation * p + rows] for p in range(self.positions)]
        weight = self.first.weight.squeeze(3).transpose(1, 2).flatten(1)  # (hidden, positions channels)
        return self._rest(functional.conv2d(torch.cat(shifted, 1), weight[:, :, None, None], self.first.bias))

    def _rest(self, x: Tensor) -> Tensor:
        result: Tensor = self.third(functional.relu(self.second(functional.relu(x))))
        return result
