"""Stages of MUSSE-Net: identity at the start, composition, frozen stages, the stopping rule."""

import pytest
import torch

from engine.errors import ParameterError
from engine.networks.base import build
from engine.networks.layers.smoothing import smooth_along_beam
from engine.networks.musse_net import MUSSENet
from engine.numerics.warp import warp


def make(**config: object) -> MUSSENet:
    torch.manual_seed(2)
    network = build("musse-net", {"base_channels": 2, "tca_layout": "spatial", **config})
    assert isinstance(network, MUSSENet)
    return network


def constant(network: MUSSENet, stage: int, lateral: float, axial: float) -> None:
    """Make a stage (1 is the first) predict one motion everywhere."""
    head = network.stages[stage - 1].decoder.head  # type: ignore[union-attr]
    head.zero()  # type: ignore[operator]
    with torch.no_grad():
        head.levels[0].bias.copy_(torch.tensor([lateral, axial]))  # type: ignore[index, union-attr]


_RF = torch.randn(1, 4, 1, 48, 24, generator=torch.Generator().manual_seed(3))
REFERENCE, DEFORMED = _RF[:, 0], _RF[:, 1:]


def test_a_new_stage_changes_nothing() -> None:
    network = make(stages=3)
    first, second, third = network.stage_motions(REFERENCE, DEFORMED)
    torch.testing.assert_close(second, first, rtol=0, atol=0)
    torch.testing.assert_close(third, first, rtol=0, atol=0)
    torch.testing.assert_close(network(REFERENCE, DEFORMED), third, rtol=0, atol=0)


def test_residual_is_composed_with_the_motion_before() -> None:
    """total(x) = residual + before(x + residual): the axial ramp of stage 1 is read 0.3 samples further down."""
    network = make()
    with torch.no_grad():
        before = network.stage_motions(REFERENCE, DEFORMED)[0]
        constant(network, 2, 0.0, 0.3)
        total = network(REFERENCE, DEFORMED)
    expected = 0.3 + 0.7 * before[:, :, 1, 10] + 0.3 * before[:, :, 1, 11]
    torch.testing.assert_close(total[:, :, 1, 10], expected, atol=1e-5, rtol=0)


def test_as_printed_a_residual_is_added_to_the_motion_before() -> None:
    """Equation 3, however the network was trained; the field is not smoothed before it is taken over."""
    network = make(smoothing_samples=3.0)
    network.run_as_printed()
    assert network.config == make(interpolation="paper", update="add").config
    with torch.no_grad():
        before = network.stage_motions(REFERENCE, DEFORMED)[0]
        constant(network, 2, 0.0, 0.3)
        total = network(REFERENCE, DEFORMED)
    torch.testing.assert_close(total[:, :, 1], before[:, :, 1] + 0.3, atol=1e-5, rtol=0)
    torch.testing.assert_close(total[:, :, 0], before[:, :, 0], atol=1e-5, rtol=0)


def test_later_stages_see_the_original_frame_warped_once() -> None:
    network = make(stages=3)
    for stage, lateral, axial in ((1, 1.0, 2.5), (2, 0.5, -1.0)):
        constant(network, stage, lateral, axial)
    seen = []
    network.stages[2].shared.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))  # type: ignore[union-attr]
    with torch.no_grad():
        network(REFERENCE, DEFORMED)
    motion = torch.tensor([1.5, 1.5])[None, :, None, None].expand(3, 2, 48, 24)
    expected = warp(DEFORMED[0], motion)
    torch.testing.assert_close(seen[1][..., :48, :24], expected, atol=1e-5, rtol=0)


def test_training_a_stage_freezes_those_before_and_runs_none_after() -> None:
    network = make(stages=3)
    network.train_stage(2)
    motions = network.stage_motions(REFERENCE, DEFORMED)
    assert len(motions) == 2
    motions[-1].square().mean().backward()
    first, second, third = network.stages
    assert all(values.grad is None for values in [*first.parameters(), *third.parameters()])
    assert any(values.grad is not None and values.grad.abs().max() > 0 for values in second.parameters())
    with pytest.raises(ParameterError, match="stage 4"):
        network.train_stage(4)


def test_the_rule_stops_each_frame_on_its_own() -> None:
    """The second stage moves by 0.1 samples: a threshold above stops every frame there, one below none."""
    network = make(stages=3)
    constant(network, 2, 0.2, 0.0)
    with torch.inference_mode():
        features = network.encode_reference(REFERENCE)
        state = network.initial_state(features)
        stopped, _, changes = network.refine(features, DEFORMED, state, 0.25)
        full, _, all_changes = network.refine(features, DEFORMED, state, 0.01)
        whole = network.stage_motions(REFERENCE, DEFORMED)
    assert [found.isfinite().sum(dim=0).tolist() for found in (changes, all_changes)] == [[[2, 2, 2]], [[3, 3, 3]]]
    assert float(all_changes[1, 0, 0]) == pytest.approx(0.1, abs=1e-2)  # 0.2 samples in one of two directions
    torch.testing.assert_close(stopped, whole[1], atol=1e-5, rtol=0)
    torch.testing.assert_close(full, whole[2], atol=1e-5, rtol=0)


def test_frames_that_stop_and_frames_that_go_on() -> None:
    """The result does not depend on how many frames are refined at once."""
    network = make(stages=3)
    for stage in network.stages[1:]:
        torch.nn.init.normal_(stage.decoder.head.levels[4].weight, std=0.2)  # type: ignore[union-attr]
    with torch.inference_mode():
        features = network.encode_reference(REFERENCE)
        state = network.initial_state(features)
        change = (lambda m: (m[1] - m[0])[0].abs().mean(dim=(1, 2, 3)))(network.stage_motions(REFERENCE, DEFORMED))
        threshold = float(change.median())
        together, _, changes = network.refine(features, DEFORMED, state, threshold)
        parts, stages = [], []
        for frame in DEFORMED.split(1, dim=1):  # type: ignore[no-untyped-call]
            motion, state, count = network.refine(features, frame, state, threshold)
            parts.append(motion)
            stages += count.isfinite().sum(dim=0)[0].tolist()
    assert set(stages) == {2, 3}
    assert stages == changes.isfinite().sum(dim=0)[0].tolist()
    torch.testing.assert_close(torch.cat(parts, dim=1), together, atol=1e-4, rtol=0)


@pytest.mark.parametrize("interpolation", ["band-limited", "bilinear", "paper"])
def test_interpolation_is_an_option(interpolation: str) -> None:
    network = make(interpolation=interpolation)
    constant(network, 1, 0.0, 0.5)
    constant(network, 2, 0.0, 0.5)
    torch.testing.assert_close(network(REFERENCE, DEFORMED)[0, 0, 1], torch.full((48, 24), 1.0), atol=1e-5, rtol=0)


def test_motion_is_smoothed_before_the_next_stage_takes_it_over() -> None:
    """The second stage finds nothing, so that what it was given comes back."""
    network, plain = make(smoothing_samples=3.0), make()
    (first, second), (same, rough) = (made.stage_motions(REFERENCE, DEFORMED) for made in (network, plain))
    torch.testing.assert_close(first, same, rtol=0, atol=0)
    torch.testing.assert_close(rough, same, rtol=0, atol=0)
    torch.testing.assert_close(second[0], smooth_along_beam(first[0], 3.0), atol=1e-5, rtol=0)
