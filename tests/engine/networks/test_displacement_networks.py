"""What holds for each of the four networks: sizes, statistics, state, gradients, and stored outputs."""

from typing import get_args

import pytest
import torch
from torch import Tensor

from engine.errors import MethodError, ParameterError
from engine.networks.base import NETWORKS, DisplacementNetwork, build, pad
from engine.networks.layers.displacement_head import DisplacementHead
from engine.networks.layers.tri_cross_attention import Layout
from engine.networks.usse_net import USSENet

NAMES = ("usenet", "reusenet", "usse-net", "musse-net")
RECURRENT = NAMES[1:]


def make(name: str, **config: object) -> DisplacementNetwork:
    """Build a small network whose stages all predict something."""
    torch.manual_seed(7)
    network = build(name, {"base_channels": 2, **config})
    for module in network.modules():
        if isinstance(module, DisplacementHead):
            for head in module.levels:
                torch.nn.init.normal_(head.weight, std=0.2)  # type: ignore[arg-type]
    return network


def frames(count: int, height: int = 48, width: int = 32, batch: int = 1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(11)
    rf = torch.randn(batch, count + 1, 1, height, width, generator=generator)
    return rf[:, 0], rf[:, 1:]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("height", "width"), [(1000, 24), (33, 17), (16, 1), (48, 32)])
def test_any_size_works(name: str, height: int, width: int) -> None:
    with torch.inference_mode():
        assert make(name)(*frames(2, height, width)).shape == (1, 2, 2, height, width)


@pytest.mark.parametrize("name", NAMES)
def test_streaming_gives_the_motion_of_the_whole_series(name: str) -> None:
    """In steps of any length, stopped and taken up again; 1e-4 samples for the order of rounding."""
    network = make(name)
    reference, deformed = frames(5)
    with torch.inference_mode():
        whole = network(reference, deformed)
        features = network.encode_reference(reference)
        state, parts = network.initial_state(features), []
        for first, last in ((0, 2), (2, 3), (3, 5)):
            motion, state = network.step(features, deformed[:, first:last], state)
            parts.append(motion)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", RECURRENT)
def test_memory_matters_after_the_first_frame(name: str) -> None:
    network = make(name)
    reference, deformed = frames(3)
    with torch.inference_mode():
        carried = network(reference, deformed)
        alone = torch.cat([network(reference, frame[:, None]) for frame in deformed.unbind(1)], dim=1)
    torch.testing.assert_close(carried[:, 0], alone[:, 0], atol=1e-4, rtol=0)
    assert (carried[:, 1:] - alone[:, 1:]).abs().max() > 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_recordings_of_a_batch_do_not_mix(name: str) -> None:
    network = make(name)
    reference, deformed = frames(2, batch=2)
    with torch.inference_mode():
        together = network(reference, deformed)
        alone = torch.cat([network(reference[i : i + 1], deformed[i : i + 1]) for i in range(2)])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("usenet", {}),
        ("reusenet", {}),
        *((name, {"tca_layout": layout}) for name in ("usse-net", "musse-net") for layout in get_args(Layout)),
    ],
)
def test_gradients_reach_every_parameter(name: str, options: dict[str, object]) -> None:
    """Two biases shift all the scores of a softmax alike: they get a gradient, which is zero but for rounding."""
    network = make(name, **options)
    network(*frames(2)).square().mean().backward()
    for key, values in network.named_parameters():
        assert values.grad is not None, key
        if not key.endswith(("key.bias", "attention.mix.bias")):
            assert values.grad.abs().max() > 0, key


@pytest.mark.parametrize("name", ["usenet", "reusenet", "usse-net"])
def test_heads_without_weights_give_the_sum_of_their_biases(name: str) -> None:
    network = make(name, output_scale=3.0)
    (head,) = [module for module in network.modules() if isinstance(module, DisplacementHead)]
    head.zero()
    for level, module in enumerate(head.levels):
        torch.nn.init.constant_(module.bias, level + 0.25)  # type: ignore[arg-type]
    motion = network(*frames(1))
    torch.testing.assert_close(motion, torch.full_like(motion, 3 * (0 + 1 + 2 + 3 + 4 + 5 * 0.25)), atol=1e-5, rtol=0)


def test_pre_and_post_share_their_encoder() -> None:
    network = make("usse-net")
    assert isinstance(network, USSENet)
    first, second = torch.randn(2, 1, 1, 32, 16).unbind(0)
    once = network.encode_reference(first)[0][1:]
    swapped = network.shared(pad(torch.cat([second, first])))
    for a, b in zip(once, swapped, strict=True):
        torch.testing.assert_close(a, b[1:], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_the_amplitude_of_the_rf_does_not_matter(name: str) -> None:
    """Every first convolution is normalised, so only the 1e-5 added to the variance tells RF from three times RF."""
    network = make(name)
    reference, deformed = frames(2)
    with torch.inference_mode():
        once, scaled = network(reference, deformed), network(3 * reference, 3 * deformed)
    assert (once - scaled).abs().max() < 0.01 * once.abs().max()


# Axial motion at (5, 3), (20, 16), (40, 30) of the first and of the last of three frames, float32 on a CPU. Two orders
# of summation differ by some 1e-6; another layer, order of gates or initialisation changes the first digit.
STORED: dict[str, list[float]] = {
    "usenet": [-1.97178, -1.92951, -7.68899, 0.77393, -0.15803, -3.50022],
    "reusenet": [0.13773, -0.36653, -0.59356, -0.06608, -0.71076, -1.03246],
    "usse-net": [0.16530, 0.51951, 0.29223, 0.42069, 0.89121, 0.26260],
    "musse-net": [-0.13821, 0.21357, -0.23436, -0.56759, -0.65217, -0.84370],
}


@pytest.mark.parametrize("name", NAMES)
def test_output_is_the_stored_one(name: str) -> None:
    with torch.inference_mode():
        config = {"tca_layout": "spatial"} if name in ("usse-net", "musse-net") else {}
        motion = make(name, **config)(*frames(3))
    found = [motion[0, frame, 1, row, line].item() for frame in (0, 2) for row, line in ((5, 3), (20, 16), (40, 30))]
    assert found == pytest.approx(STORED[name], abs=2e-4)


def test_unknown_networks_and_options() -> None:
    assert set(NAMES) <= set(NETWORKS.names())
    with pytest.raises(MethodError):
        build("no-net", {})
    with pytest.raises(ParameterError, match="unknown option stages"):
        build("usse-net", {"stages": 2})
    with pytest.raises(ParameterError):
        build("usenet", {"base_channels": 0})
