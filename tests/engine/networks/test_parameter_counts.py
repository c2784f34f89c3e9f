"""Layer sizes, checked by their number of parameters and of operations."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.networks.base import build


@pytest.mark.parametrize(
    ("name", "config", "expected"),
    [
        ("usenet", {}, 397_994),
        ("usenet", {"base_channels": 16}, 1_579_338),
        ("reusenet", {}, 1_503_018),
        ("reusenet", {"base_channels": 16}, 5_998_922),
        ("usse-net", {"tca_layout": "spatial"}, 1_560_766),
        ("usse-net", {"tca_layout": "channel"}, 1_560_766),
        ("usse-net", {}, 1_573_114),
        ("usse-net", {"base_channels": 16, "tca_layout": "spatial"}, 6_228_078),
        ("musse-net", {}, 2 * 1_573_114),
        ("musse-net", {"stages": 3}, 3 * 1_573_114),
        ("musse-net", {"base_channels": 16, "tca_layout": "spatial"}, 2 * 6_228_078),
    ],
)
def test_number_of_parameters(name: str, config: dict[str, object], expected: int) -> None:
    assert sum(values.numel() for values in build(name, config).parameters()) == expected


@pytest.mark.parametrize(
    ("name", "base_channels", "expected"),
    [("usenet", 8, 3.13e9), ("usenet", 16, 12.3e9), ("reusenet", 8, 7.59e9), ("reusenet", 16, 30.1e9)],
)
def test_number_of_operations(name: str, base_channels: int, expected: float) -> None:
    """Multiplications and additions of one pair of 1024 x 256, found on smaller frames: the cost is that of a pixel."""
    network, frame = build(name, {"base_channels": base_channels}), torch.randn(1, 1, 64, 32)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(frame, frame[None])
    per_pixel = counter.get_total_flops() / 2 / frame.numel()
    assert per_pixel * 1024 * 256 == pytest.approx(expected, rel=0.002)


def test_split_of_reusenet() -> None:
    network = build("reusenet", {})
    sizes = {
        part: sum(values.numel() for key, values in network.named_parameters() if key.startswith(part))
        for part in ("encoder", "decoder.memories.0", "decoder.memories", "decoder.fusions", "decoder.head")
    }
    assert sizes == {
        "encoder": 122_976,
        "decoder.memories.0": 885_248,
        "decoder.memories": 885_248 + 392_160,
        "decoder.fusions": 98_160,
        "decoder.head": 4_474,
    }


def test_split_of_usse_net() -> None:
    network = build("usse-net", {"tca_layout": "spatial"})
    sizes = {
        part: sum(values.numel() for key, values in network.named_parameters() if key.startswith(part))
        for part in ("shared", "mid.blocks", "mid.fusions", "attention", "decoder.fusions")
    }
    assert sizes == {
        "shared": 73_704,
        "mid.blocks": 73_776,
        "mid.fusions": 11_120,
        "attention": 4,
        "decoder.fusions": 120_280,
    }
