"""Tri-cross attention and cross-attentive fusion against their plain forms."""

import math

import pytest
import torch

from engine.networks.layers.blocks import additive_upsampling, double
from engine.networks.layers.cross_attentive_fusion import CrossAttentiveFusion
from engine.networks.layers.tri_cross_attention import TriCrossAttention


@pytest.mark.parametrize("layout", ["spatial", "channel", "axial"])
def test_equal_scores_return_the_mean(layout: str) -> None:
    """No weight on any score: every key counts the same."""
    attention = TriCrossAttention(4, layout)  # type: ignore[arg-type]
    torch.nn.init.zeros_(attention.mix.weight)
    pre, post, mid = (torch.randn(2, 4, 3, 5) for _ in range(3))
    mean = {
        "spatial": mid.mean(dim=(2, 3), keepdim=True),
        "channel": mid.mean(dim=1, keepdim=True),
        "axial": mid.mean(dim=2, keepdim=True),
    }[layout]
    torch.testing.assert_close(attention(pre, post, mid), mid + mean.expand_as(mid))


def test_attention_that_is_the_identity_doubles_mid() -> None:
    """Each place matches only itself: one-hot features, scaled until the softmax is hard."""
    attention = TriCrossAttention(6, "spatial")
    torch.nn.init.constant_(attention.mix.weight, 1.0)
    places = torch.eye(6).reshape(1, 6, 2, 3)
    mid = 100 * places
    torch.testing.assert_close(attention(places, places, mid), 2 * mid, atol=1e-4, rtol=0)


def test_spatial_attention_is_the_softmax_of_the_mixed_scores() -> None:
    torch.manual_seed(0)
    attention = TriCrossAttention(4, "spatial")
    pre, post, mid = (torch.randn(2, 4, 3, 5) for _ in range(3))
    p, q, m = (x.flatten(2).mT for x in (pre, post, mid))
    scores = torch.stack([p @ q.mT, p @ m.mT, m @ q.mT], dim=1) / math.sqrt(4)
    weights = torch.softmax(attention.mix(scores)[:, 0], dim=-1)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 15))
    expected = (weights @ m).mT.reshape(mid.shape) + mid
    torch.testing.assert_close(attention(pre, post, mid), expected, atol=1e-5, rtol=1e-5)


def test_fusion_is_attention_over_three_tokens() -> None:
    torch.manual_seed(0)
    fusion = CrossAttentiveFusion(4)
    below = torch.randn(2, 8, 3, 4)
    skips = tuple(torch.randn(2, 4, 6, 8) for _ in range(3))
    query = double(fusion.query(below))
    scores = torch.stack([(query * fusion.key(skip)).sum(1) for skip in skips], dim=1) / math.sqrt(4)
    weights = torch.softmax(scores, dim=1)
    attended = sum(weights[:, index : index + 1] * fusion.value(skip) for index, skip in enumerate(skips))
    expected = fusion.learned(below) + attended + additive_upsampling(below)
    torch.testing.assert_close(fusion(below, skips), expected, atol=1e-5, rtol=1e-5)
