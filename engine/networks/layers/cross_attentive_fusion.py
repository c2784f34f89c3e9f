"""Cross-attentive fusion (CAF) of USSE-Net's decoder (Joarder et al. 2025, section 3.1).

Every pixel attends to three tokens, the skips of pre, post and mid at that pixel: q = up(Q h), k_s = K f_s,
v_s = V f_s, a = softmax_s(q . k_s / sqrt(C)), t = sum_s a_s v_s, and the fused map is U(h) + t + A(h) with the learned
and the additive up-sampling. The projections are moved to where they cost least, which changes nothing: q . K f_s is
(K^T q) . f_s, taken at the lower resolution, and sum_s a_s V f_s is V sum_s a_s f_s because the weights sum to one.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.networks.layers.blocks import LearnedUpsampling, additive_upsampling, double


class CrossAttentiveFusion(nn.Module):
    """Fusion of the level below with an attention-weighted map of the three skips."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.learned = LearnedUpsampling(2 * channels, channels)
        self.query = nn.Conv2d(2 * channels, channels, 1)
        self.key = nn.Conv2d(channels, channels, 1)
        self.value = nn.Conv2d(channels, channels, 1)

    def forward(self, below: Tensor, skips: tuple[Tensor, ...]) -> Tensor:
        """Fuse (B, 2 C, h, w) with the skips pre, post and mid, each (B, C, 2 h, 2 w)."""
        weights = self._attention(below, skips)
        mixed = weights[0] * skips[0]
        for weight, skip in zip(weights[1:], skips[1:], strict=True):
            mixed.addcmul_(weight, skip)
        fused: Tensor = self.value(mixed).add_(self.learned(below)).add_(additive_upsampling(below))
        return fused

    def _attention(self, below: Tensor, skips: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Weight of each skip at each pixel, three maps (B, 1, 2 h, 2 w) that sum to one.

        The key's bias would add one number to all three scores, which the softmax does not see: it takes part only in
        training, so that every parameter has a gradient.
        """
        query = self.query(below) / math.sqrt(self.key.in_channels)
        keys = double(functional.conv2d(query, self.key.weight.transpose(0, 1)))
        scores = torch.cat([(keys * skip).sum(dim=1, keepdim=True) for skip in skips], dim=1)
        if self.training and self.key.bias is not None:
            scores = scores + double(functional.conv2d(query, self.key.bias[None, :, None, None]))
        return torch.softmax(scores, dim=1).chunk(3, dim=1)
