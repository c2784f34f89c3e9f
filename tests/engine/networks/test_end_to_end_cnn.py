import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from engine.networks.end_to_end_cnn import DisplacementCNN, EndToEndConfig, PatchNetwork, StrainCNN


def with_lived_in_statistics(network: PatchNetwork) -> PatchNetwork:
    """Give the normalisations running statistics that differ from their initial 0 and 1, then stop training."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean = torch.randn(module.num_features, generator=generator) * 0.1
            module.running_var = 0.5 + torch.rand(module.num_features, generator=generator)
    return network.eval()


def test_parameter_count_of_the_locally_connected_form():
    network = DisplacementCNN(EndToEndConfig(locally_connected=True))
    assert sum(parameter.numel() for parameter in network.parameters()) == 171_777


@pytest.mark.parametrize(("locally_connected", "expected"), [(True, 171_024), (False, 97_300)])
def test_operations_of_the_dense_form(locally_connected, expected):
    """Multiplications and additions that one more pixel costs; patch by patch a pixel costs over four million."""

    def cost(rows, lines):
        with torch.device("meta"):
            network, frame = DisplacementCNN(EndToEndConfig(locally_connected)).eval(), torch.zeros(1, 2, rows, lines)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(frame)
        return counter.get_total_flops() / 2

    per_pixel = (cost(200, 40) - cost(200, 20) - cost(100, 40) + cost(100, 20)) / (100 * 20)
    assert per_pixel == pytest.approx(expected, rel=0.003)


@pytest.mark.parametrize("kind", [DisplacementCNN, StrainCNN])
@pytest.mark.parametrize("locally_connected", [False, True])
def test_dense_form_equals_the_patch_form(kind, locally_connected):
    torch.manual_seed(0)
    network = with_lived_in_statistics(kind(EndToEndConfig(locally_connected)))
    channels = 2 if kind is DisplacementCNN else 1
    frame = torch.randn(1, channels, 160, 24)
    with torch.no_grad():
        dense = network(frame)
        assert dense.shape == (1, 1, 160, 24)
        height, width = network.patch_shape
        windows = frame[0].unfold(1, height, 1).unfold(2, width, 1)  # (C, rows, lines, h, w)
        rows = torch.randint(0, windows.shape[1], (100,))
        lines = torch.randint(0, windows.shape[2], (100,))
        single = network.patches(windows[:, rows, lines].transpose(0, 1))[:, 0]
    at_centres = dense[0, 0, rows + height // 2, lines + width // 2]
    assert (single - at_centres).abs().max() < 1e-5


def test_gradients_reach_every_parameter():
    torch.manual_seed(0)
    for network, channels in ((DisplacementCNN(EndToEndConfig(True)), 2), (StrainCNN(EndToEndConfig()), 1)):
        network.patches(torch.randn(8, channels, *network.patch_shape)).square().sum().backward()
        assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in network.parameters())
