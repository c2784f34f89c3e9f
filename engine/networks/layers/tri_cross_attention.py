"""Tri-cross attention (TCA), the bottleneck of USSE-Net (Joarder et al. 2025, section 3.1).

Scores of the three pairs (query, key) = (pre, post), (pre, mid), (mid, post) are mixed by a convolution 1x1, turned
into attention by a softmax, and applied to mid, whose sum with the result is returned. The paper leaves the layout of
the matrix products open; three readings are offered:

`spatial`: every pixel against every pixel, scores N x N over N = h w places, divided by sqrt(C). The default, and the
only one that can represent correspondence between places.
`channel`: every channel against every channel, scores C x C, divided by sqrt(N).
`axial`: rows against rows within each channel, scores (C, h, h); its convolution keeps the number of channels.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Layout = Literal["spatial", "channel", "axial"]

_BIAS_COLUMNS = 8
"""Columns that carry the mixing bias through the attention kernel; eight keep its rows aligned on a GPU."""


class TriCrossAttention(nn.Module):
    """Attention of the mid stream to itself, steered by how pre, post and mid agree."""

    def __init__(self, channels: int, layout: Layout) -> None:
        super().__init__()
        self.layout = layout
        self.mix = nn.Conv2d(3 * channels, channels, 1) if layout == "axial" else nn.Conv2d(3, 1, 1)

    def forward(self, pre: Tensor, post: Tensor, mid: Tensor) -> Tensor:
        """Return mid + A mid; all maps are (B, C, h, w)."""
        attend = {"spatial": self._spatial, "channel": self._channel, "axial": self._axial}[self.layout]
        attended: Tensor = attend(pre, post, mid)
        return attended + mid

    def _spatial(self, pre: Tensor, post: Tensor, mid: Tensor) -> Tensor:
        """One attention with joined queries and keys, in which no N x N map needs to be kept.

        With mixing weights w and bias b the mixed score is w1 pre.post + w2 pre.mid + w3 mid.post + b, which is the
        product of [w1 pre + w3 mid, w2 pre, b] with [post, mid, 1].
        """
        batch, channels, height, width = mid.shape
        weights, bias = self.mix.weight.flatten(), self.mix.bias
        assert bias is not None
        scale = 1 / math.sqrt(channels)
        pre, post, mid = (x.flatten(2).transpose(1, 2) for x in (pre, post, mid))  # (B, N, C)
        ones = mid.new_ones(*mid.shape[:2], 1)
        rest = mid.new_zeros(*mid.shape[:2], _BIAS_COLUMNS - 1)
        query = torch.cat([weights[0] * pre + weights[2] * mid, weights[1] * pre, ones * (bias / scale), rest], dim=2)
        key = torch.cat([post, mid, ones, rest], dim=2)
        value = functional.pad(mid, (0, key.shape[2] - channels))  # equal widths let the kernel run without N x N maps
        attended = functional.scaled_dot_product_attention(query[:, None], key[:, None], value[:, None], scale=scale)
        return attended[:, 0, :, :channels].transpose(1, 2).reshape(batch, channels, height, width)

    def _channel(self, pre: Tensor, post: Tensor, mid: Tensor) -> Tensor:
        value = mid.flatten(2)  # (B, C, N)
        pre, post = pre.flatten(2) / math.sqrt(value.shape[2]), post.flatten(2)
        scores = torch.stack(
            [pre @ post.mT, pre @ value.mT, value @ post.mT / math.sqrt(value.shape[2])], dim=1
        )  # (B, 3, C, C)
        attention = torch.softmax(self.mix(scores)[:, 0], dim=-1)
        return (attention @ value).reshape(mid.shape)

    def _axial(self, pre: Tensor, post: Tensor, mid: Tensor) -> Tensor:
        scores = torch.cat([pre @ post.mT, pre @ mid.mT, mid @ post.mT], dim=1) / math.sqrt(mid.shape[1])
        attention = torch.softmax(self.mix(scores), dim=-1)  # (B, C, h, h)
        return attention @ mid
