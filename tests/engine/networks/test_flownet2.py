import pytest
import torch

from engine.networks.flownet2 import FLOW_UNIT_PX, FlowNet2, FlowNet2Config, correlate


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("image_channels", "expected"),
    [
        (3, (39_175_298, 38_695_322, 45_371_666, 581_226, 162_518_834)),
        (1, (39_169_026, 38_670_234, 45_369_362, 580_074, 162_458_930)),
    ],
)
def test_parameter_counts_at_full_width(image_channels, expected):
    with torch.device("meta"):
        network = FlowNet2(FlowNet2Config(1.0, image_channels))
    parts = (network.flownet_c, network.flownet_s1, network.flownet_sd, network.fusion, network)
    assert tuple(count(part) for part in parts) == expected
    assert count(network.flownet_s1) == count(network.flownet_s2)


def test_identical_features_correlate_best_at_the_centre():
    features = torch.randn(1, 8, 24, 24, generator=torch.Generator().manual_seed(0))
    assert int(correlate(features, features)[0].mean((1, 2)).argmax()) == 220


def test_units_are_pixels_through_the_whole_stack():
    """Hand-set weights: every finest prediction is b, so S1, S2 and the fusion must see the image 20 b pixels moved."""
    torch.manual_seed(0)
    network = FlowNet2(FlowNet2Config(0.125, 1))
    for parameter in network.parameters():
        torch.nn.init.zeros_(parameter)
    bias, fused = 0.4, 0.15
    for part in (network.flownet_c, network.flownet_s1, network.flownet_s2, network.flownet_sd):
        part.expand.predict[-1].bias.data[:] = torch.tensor([0.0, bias])
    network.fusion.predict[-1].bias.data[:] = torch.tensor([0.0, fused])
    seen = []
    for part in (network.flownet_s1, network.flownet_s2, network.fusion):
        part.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    image = torch.rand(1, 1, 64, 64)
    flow = network(image, image)
    for stacked in seen[:2]:
        torch.testing.assert_close(stacked[:, 1, :56], image[:, 0, 8:], atol=1e-5, rtol=0)
        torch.testing.assert_close(stacked[:, 3], torch.full((1, 64, 64), bias))
    errors = (image[:, 0, :56] - image[:, 0, 8:]).abs()
    for axial, size, error in ((2, 5, 7), (4, 6, 8)):
        torch.testing.assert_close(seen[2][:, [axial, size]], torch.full((1, 2, 64, 64), bias))
        torch.testing.assert_close(seen[2][:, error, :56], errors, atol=1e-5, rtol=0)
    torch.testing.assert_close(flow[:, 1], torch.full((1, 64, 64), FLOW_UNIT_PX * fused))


def test_any_size_runs_and_every_parameter_learns():
    torch.manual_seed(0)
    network = FlowNet2(FlowNet2Config(0.125, 1))
    reference, deformed = torch.rand(1, 1, 70, 40), torch.rand(1, 1, 70, 40)
    assert network(reference, deformed).shape == (1, 2, 70, 40)
    image = torch.rand(1, 1, 64, 64)
    network(image, image.flip(2)).square().sum().backward()
    assert all(
        parameter.grad is not None and bool(parameter.grad.abs().sum() > 0) for parameter in network.parameters()
    )
